"""What each tool is sent, by stand-ins of its published interface."""

import base64
import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from consent.services import NewRequest, act_on_requests, open_request
from segments.activation.destinations.google import normalise as google_fields
from segments.activation.destinations.meta import normalise as meta_fields
from segments.activation.destinations.tools import ROOT
from segments.models import Destination, ErasureNotice
from segments.services import check_account, derive_told, load_tool, refresh_changed, tool_keys
from tests.factories import TESTER, send_messages
from tests.random_ids import without_ids
from tests.segments.listening import ADA, consent, settle
from tests.segments.sending import call_at_once, log_of, send_to
from tests.tools import Google, Meta, Response, Service, serving

KEY = generate_private_key(65537, 2048)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def known(name: str = "ada", **traits: Any) -> None:
    traits = {"city": "Lyon", "email": f"{name.title()}@Example.org"} | traits
    send_messages({"userId": name, "traits": traits})
    consent(reference=f"user_id:{name}")


def leave(name: str = "ada") -> None:
    send_messages({"userId": name, "traits": {"city": "Rome"}})
    settle()


@pytest.mark.parametrize("key", tool_keys())
def test_each_tool_has_a_mapping_that_is_allowed_and_says_how_it_is_set_up(key: str) -> None:
    tool = load_tool(key)
    assert tool.key == key
    assert not tool.fields or set(tool.mapping) <= tool.fields
    assert set(tool.identifies) & set(tool.mapping)
    assert (ROOT / key / "README.md").read_text().startswith("# ")


# Meta


@pytest.fixture
def meta() -> Iterator[Meta]:
    with serving(Meta()) as service:
        yield service


def to_meta(meta: Meta, lyon: Any, token: str = Meta.TOKEN) -> Destination:
    return send_to("meta", lyon, settings={"audience": "77", "token": token, "address": meta.url})


@pytest.mark.django_db
def test_meta_gets_hashes_and_loses_who_leaves(meta: Meta, lyon: Any) -> None:
    destination = to_meta(meta, lyon)
    known("ada", first_name=" Ada ", country="FR")
    known("bob", phone="+33155550100")
    settle()
    row = meta.rows[sha256("ada@example.org")]
    assert (row["FN"], row["COUNTRY"]) == (sha256("ada"), sha256("fr"))
    assert meta.rows[sha256("bob@example.org")]["PHONE"] == sha256("33155550100")
    # Both in one call, and nothing plain in it.
    assert len(meta.calls) == 1
    assert "example" not in json.dumps(meta.calls[0].body)
    leave()
    assert list(meta.rows) == [sha256("bob@example.org")]
    open_request(
        NewRequest(kind="erasure", references=("user_id:bob",)), door="service", actor=TESTER
    )
    act_on_requests()
    settle()
    assert meta.rows == {}
    assert check_account(destination).is_taken


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "code", "answer"), [(400, 80003, 429), (400, 190, 400), (500, 2, 503)]
)
def test_metas_codes_of_limits_and_tokens_let_everything_wait(
    meta: Meta, lyon: Any, status: int, code: int, answer: int
) -> None:
    destination = to_meta(meta, lyon)
    meta.fail = lambda request: Meta.error(status, code)
    for name in ("ada", "bob"):
        known(name)
    settle()
    destination.refresh_from_db()
    assert destination.retry_at
    assert len(meta.calls) == destination.failures == 1
    assert set(destination.deliveries.values_list("answer", flat=True)) == {answer}
    meta.fail = lambda request: None
    call_at_once(destination)
    settle()
    assert len(meta.rows) == 2


HASHED = sorted(meta_fields._HASHED)


@given(st.sampled_from(HASHED), st.text(max_size=40))
def test_what_meta_hashes_is_not_hashed_twice(field: str, text: str) -> None:
    once = meta_fields.normalised(field, text)
    assert meta_fields.normalised(field, once) == once
    assert meta_fields.normalised(field, once.upper()) == once


@given(st.sampled_from(sorted(google_fields._HASHED)), st.text(max_size=40))
def test_what_google_hashes_is_not_hashed_twice(field: str, text: str) -> None:
    once = google_fields.normalised(field, text)
    assert google_fields.normalised(field, once) == once


@pytest.mark.parametrize(
    ("field", "value", "plain"),
    [
        ("EMAIL", "  Ada@Example.ORG ", "ada@example.org"),
        ("EMAIL", "ada", ""),
        ("PHONE", "+33 (1) 55-55-01-00", "33155550100"),
        ("PHONE", "0033155550100", "33155550100"),
        ("PHONE", "0155550100", ""),
        ("CT", "St. Étienne-2", "stétienne"),
        ("ZIP", " 94105-1234", "94105"),
        ("COUNTRY", "France", ""),
        ("COUNTRY", "FR", "fr"),
        ("GEN", "Female", "f"),
        ("DOBM", 7, "07"),
        ("FI", "Ada", "a"),
    ],
)
def test_meta_is_sent_what_its_rules_make_of_a_value(field: str, value: Any, plain: str) -> None:
    assert meta_fields.normalised(field, value) == (sha256(plain) if plain else "")


@pytest.mark.parametrize(
    ("field", "value", "plain"),
    [
        ("emailAddress", " Cloudy.SanFrancisco+shop@gmail.com", "cloudysanfrancisco@gmail.com"),
        ("emailAddress", "user.name+NYC@Example.com", "user.name+nyc@example.com"),
        ("phoneNumber", "+33 1 55 55 01 00", "+33155550100"),
        ("phoneNumber", "0155550100", ""),
        ("givenName", " Ada Mary ", "ada mary"),
    ],
)
def test_google_is_sent_what_its_rules_make_of_a_value(field: str, value: Any, plain: str) -> None:
    assert google_fields.normalised(field, value) == (sha256(plain) if plain else "")


# Google


def verified(assertion: str) -> dict[str, Any]:
    signed, _, signature = assertion.rpartition(".")
    KEY.public_key().verify(_decoded(signature), signed.encode(), PKCS1v15(), SHA256())
    claims: dict[str, Any] = msgspec.json.decode(_decoded(signed.split(".")[1]))
    return claims


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.fixture
def google() -> Iterator[Google]:
    with serving(Google(verified)) as service:
        yield service


def to_google(google: Google, lyon: Any, pem: str = "") -> Destination:
    own = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    key = json.dumps({"client_email": "a@p.example", "private_key": pem or own})
    settings = {"account": "1", "list": "77", "key": key, "address": google.url}
    return send_to("google", lyon, settings=settings | {"token_address": f"{google.url}/token"})


@pytest.mark.django_db
def test_google_lends_a_token_once_and_gets_who_is_in(google: Google, lyon: Any) -> None:
    destination = to_google(google, lyon)
    known("ada", phone="+33155550100", first_name="Ada", last_name="Doe", country="fr", postcode=1)
    known("bob")
    settle()
    assert google.members == {sha256(f"{name}@example.org") for name in ("ada", "bob")}
    leave()
    assert google.members == {sha256("bob@example.org")}
    assert google.tokens == 1
    ingested = next(call for call in google.calls if call.path.endswith(":ingest"))
    assert ingested.body["consent"]["adUserData"] == "CONSENT_GRANTED"
    people = [each["userData"]["userIdentifiers"] for each in ingested.body["audienceMembers"]]
    parts = max(people, key=len)
    assert [next(iter(part)) for part in parts] == ["emailAddress", "phoneNumber", "address"]
    assert parts[2]["address"]["regionCode"] == "FR"
    Destination.objects.update(token_until=timezone.now() - timedelta(seconds=1))
    destination.refresh_from_db()
    assert check_account(destination).is_taken
    assert google.tokens == 2


@pytest.mark.django_db
def test_a_key_that_is_none_is_a_fault_of_the_account(google: Google, lyon: Any) -> None:
    destination = to_google(google, lyon, pem="no key")
    known()
    settle()
    assert google.calls == []
    destination.refresh_from_db()
    assert destination.failures == 1
    assert check_account(destination).fault == "unusable_key"


# Slack


@pytest.fixture
def slack() -> Iterator[Service]:
    with serving(Service()) as service:
        yield service


@pytest.mark.django_db
def test_slack_hears_of_each_who_enters_and_of_nobody_who_was_in_before(
    slack: Service, lyon: Any
) -> None:
    known("bob")
    refresh_changed()
    destination = send_to("slack", lyon, settings={"url": f"{slack.url}/services/T/B/x"})
    derive_told()
    known()
    settle()
    [call] = slack.calls
    assert call.body["text"].startswith("Entered lyon: ")
    assert "ada" not in without_ids(call.body["text"]).lower()
    leave()
    known()
    settle()
    assert len(slack.calls) == 2
    assert "T/B/x" not in json.dumps(destination.settings) + destination.url
    assert all(state == "delivered" for state, *_ in log_of(destination))


@pytest.mark.django_db
def test_of_what_slack_cannot_forget_the_notice_stays_open(slack: Service, lyon: Any) -> None:
    destination = send_to("slack", lyon, settings={"url": f"{slack.url}/services/T/B/x"})
    derive_told()
    known()
    settle()
    open_request(NewRequest(kind="erasure", references=(ADA,)), door="service", actor=TESTER)
    act_on_requests()
    settle()
    notice = ErasureNotice.objects.get()
    assert (notice.fault, notice.taken_at) == ("cannot_forget", None)
    destination.refresh_from_db()
    assert destination.failures == 0
    assert len(slack.calls) == 1


@pytest.mark.django_db
def test_a_slack_that_limits_is_heard(slack: Service, lyon: Any) -> None:
    destination = send_to("slack", lyon, settings={"url": f"{slack.url}/services/T/B/x"})
    derive_told()
    slack.fail = lambda request: Response(429, None, {"Retry-After": "30"})
    known()
    settle()
    destination.refresh_from_db()
    assert destination.retry_at - timezone.now() > timedelta(seconds=25)
