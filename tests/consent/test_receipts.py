"""Receipts: what they say, and that anybody can check offline that they came from here."""

import json
from typing import Any

import jwt
import pytest
from django.test import Client
from pytest_django import Settings

from consent.models import ConsentEvent
from consent.services import (
    NewRequest,
    act_on_requests,
    add_notice,
    make_receipt,
    open_request,
    public_keys,
    record,
)
from tests.consent.inputs import consent_input
from tests.factories import NOW, TESTER, make_client, make_profile, make_purpose
from tests.random_ids import without_ids

pytestmark = pytest.mark.django_db


def make_event(**overrides: Any) -> ConsentEvent:
    make_purpose(validity="P13M", categories=["contact"], recipients=["the post"])
    return record(consent_input(make_profile("email:ada@example.org"), **overrides))


def opened(token: str, keys: dict[str, Any]) -> dict[str, Any]:
    """Check a signature with nothing but the served keys, and return what was signed."""
    wanted = jwt.get_unverified_header(token)["kid"]
    [key] = [key for key in keys["keys"] if key["kid"] == wanted]
    content: dict[str, Any] = jwt.decode(token, jwt.PyJWK(key), algorithms=["EdDSA"])
    return content


def test_a_receipt_says_what_was_agreed_to_and_is_signed() -> None:
    notice = add_notice(
        key="form", language="en", content="We write once a month.", shown_from=NOW, actor=TESTER
    )
    event = make_event(notice_id=notice.pk)
    body = make_client().get(f"/api/v1/consents/{event.pk}/receipt/").json()
    receipt = body["receipt"]
    assert receipt["record_id"] == str(event.pk)
    assert receipt["privacy_notice"]["text"] == "We write once a month."
    assert receipt["processing"]["purpose"] == "newsletter"
    assert receipt["processing"]["recipients"] == ["the post"]
    assert receipt["event"]["state"] == "given"
    assert receipt["event"]["valid_until"]
    assert "ada@example.org" not in json.dumps(body)
    keys = Client().get("/.well-known/jwks.json").json()
    assert opened(body["jws"], keys) == receipt


def test_a_changed_receipt_is_not_signed() -> None:
    header, payload, signature = make_receipt(make_event().pk).jws.split(".")
    forged = ".".join((header, payload[:-8] + "AAAAAAAA", signature))
    with pytest.raises(jwt.InvalidTokenError):
        opened(forged, public_keys())


def test_receipts_of_before_a_rotation_can_still_be_checked(settings: Settings) -> None:
    receipt = make_receipt(make_event().pk)
    settings.RETIRED_SIGNING_KEYS = [settings.SIGNING_KEY]
    settings.SIGNING_KEY = "another"
    assert opened(receipt.jws, public_keys()) == receipt.content
    assert len({key["kid"] for key in public_keys()["keys"]}) == 2
    assert all("d" not in key for key in public_keys()["keys"])


def test_an_objection_to_all_direct_marketing_has_a_receipt() -> None:
    event = make_event(kind="objection", purpose=None)
    assert make_receipt(event.pk).content["processing"]["title"] == "all direct marketing"


def test_an_erasure_leaves_a_signed_receipt_that_names_nobody() -> None:
    make_event()
    request = open_request(
        NewRequest(kind="erasure", references=("email:ada@example.org",), reason="asked"),
        door="service",
        actor=TESTER,
    )
    address = f"/api/v1/privacy/requests/{request.pk}/"
    assert make_client().get(address).json()["signed_receipt"] is None
    act_on_requests()
    answer = make_client().get(address).json()
    content = opened(answer["signed_receipt"], public_keys())
    assert content["receipt"] == answer["receipt"]
    assert content["receipt"]["erased"]
    assert (content["request"], content["kind"]) == (str(request.pk), "erasure")
    assert "ada" not in without_ids(json.dumps(content))


def test_two_receipts_of_one_person_cannot_be_joined() -> None:
    first = make_event()
    second = record(consent_input(first.identifier.profile, "withdrawn"))
    names = {make_receipt(event.pk).content["pii_principal_id"] for event in (first, second)}
    assert len(names) == 2


def test_an_unknown_or_erased_event_has_no_receipt() -> None:
    event = make_event()
    event.body.delete()
    client = make_client()
    for pk in (event.pk, "01a2001b-77aa-7c1d-8f02-93b4c5d6e7f8"):
        assert client.get(f"/api/v1/consents/{pk}/receipt/").status_code == 404
