"""A customer's new address: proved by a link to it, told to the former one, which can undo it."""

from typing import Any

import pytest
from django.core import mail
from rest_framework.test import APIClient

from consent.models import Confirmation, PrivacyRequest
from consent.services import (
    NewRequest,
    act_on_requests,
    find_suppressed,
    may_process,
    open_request,
    record,
    refuse_request,
    send_confirmations,
)
from profiles.lib.database import database_now
from profiles.models import IdentityDecision, Profile
from tests.consent.callers import BASE, customer
from tests.consent.inputs import consent_input
from tests.factories import TESTER, make_profile, make_purpose, profile_of, send_messages
from tests.system.traces import tables_with

pytestmark = pytest.mark.django_db
FORMER, NEW = "ada@example.org", "ada.new@example.org"
REQUESTS, CONFIRMATIONS = f"{BASE}/privacy/me/requests/", f"{BASE}/privacy/me/confirmations/"


@pytest.fixture
def ada() -> Profile:
    send_messages({"userId": "u1", "traits": {"email": FORMER, "city": "Lyon"}})
    return profile_of(f"email:{FORMER}")


def correct(client: APIClient, address: str = NEW, **traits: Any) -> PrivacyRequest:
    """Ask for the correction; return its request. The mail to the new address is sent."""
    body = {"kind": "rectification", "changes": {"email": address} | traits}
    answer = client.post(REQUESTS, body, HTTP_ACCEPT_LANGUAGE="fr")
    assert (answer.status_code, answer.json()["status"]) == (201, "awaiting_verification")
    send_confirmations()
    return PrivacyRequest.objects.get(pk=answer.json()["id"])


def confirm_latest() -> int:
    send_confirmations()
    code = str(mail.outbox[-1].body).split("#")[1].split()[0]
    return confirm(code)


def confirm(code: str) -> int:
    return APIClient().post(CONFIRMATIONS, {"code": code}).status_code


def status_of(request: PrivacyRequest) -> str:
    request.refresh_from_db()
    return request.status


def email_of(profile: Profile) -> Any:
    profile.refresh_from_db()
    return profile.traits.get("email")


def test_a_new_address_counts_once_it_is_proved(ada: Profile) -> None:
    client = customer(FORMER)
    request = correct(client)
    assert (mail.outbox[-1].to, "nouvelle adresse" in mail.outbox[-1].subject) == ([NEW], True)
    assert act_on_requests() == 0
    assert email_of(ada) == FORMER
    assert confirm_latest() == 201
    assert status_of(request) == "done"
    assert email_of(ada) == NEW
    assert profile_of(f"email:{NEW}") == profile_of(f"email:{FORMER}") == ada
    assert client.get(f"{BASE}/privacy/me/").status_code == 401, "sessions end"
    assert customer(NEW).get(f"{BASE}/privacy/me/").json()["is_whole"] is True
    # Sources that go on sending the former one do not win.
    send_messages({"userId": "u1", "traits": {"email": FORMER}})
    assert email_of(ada) == NEW


def test_the_former_address_is_told_and_can_undo_it(ada: Profile) -> None:
    correct(customer(FORMER))
    confirm_latest()
    send_confirmations()
    assert mail.outbox[-1].to == [FORMER]
    assert NEW not in mail.outbox[-1].body
    code = str(mail.outbox[-1].body).split("#")[1].split()[0]
    thief = customer(NEW)
    assert confirm(code) == 201
    assert email_of(ada) == FORMER
    assert profile_of(f"email:{NEW}") != ada
    assert thief.get(f"{BASE}/privacy/me/").status_code == 401
    assert IdentityDecision.objects.count() == 1
    send_messages({"userId": "u1", "traits": {"city": "Nice"}})
    assert profile_of("user_id:u1") == ada
    assert confirm(code) == 400


def test_one_of_several_corrections_waits_for_the_proof_with_the_others(ada: Profile) -> None:
    request = correct(customer(FORMER), city="Metz")
    assert confirm_latest() == 201
    ada.refresh_from_db()
    assert (ada.traits["city"], ada.traits["email"]) == ("Metz", NEW)
    assert status_of(request) == "done"


def test_what_also_waits_for_staff_gets_no_mail(ada: Profile) -> None:
    correct(customer(FORMER), credit_limit=5)
    assert [message.to for message in mail.outbox] == [[FORMER]]


def test_an_address_of_another_profile_merges_nobody_and_answers_alike(ada: Profile) -> None:
    other = make_profile("email:bob@example.org")
    request = correct(customer(FORMER), "bob@example.org")
    assert mail.outbox[-1].to == ["bob@example.org"]
    assert confirm_latest() == 201
    assert status_of(request) == "awaiting_verification"
    assert profile_of("email:bob@example.org") == other
    assert email_of(ada) == FORMER


def test_a_proof_that_comes_after_a_refusal_changes_nothing(ada: Profile) -> None:
    request = correct(customer(FORMER))
    refuse_request(request, actor=TESTER, article="12(5)", reason="Not theirs.")
    assert confirm_latest() == 201
    assert (status_of(request), email_of(ada)) == ("refused", FORMER)


def test_an_address_that_was_erased_comes_back_by_its_proof_alone(ada: Profile) -> None:
    make_purpose("offers", legal_basis="legitimate_interest", is_direct_marketing=True)
    record(consent_input(make_profile(f"email:{NEW}"), kind="objection", purpose=None))
    erasure = NewRequest(kind="erasure", references=(f"email:{NEW}",), reason="asked")
    open_request(erasure, door="service", actor=TESTER)
    assert act_on_requests() == 1
    request = correct(customer(FORMER))
    assert tables_with(NEW) == {}
    assert confirm_latest() == 201
    assert status_of(request) == "done"
    assert find_suppressed([f"email:{NEW}"]) == set()
    assert profile_of(f"email:{NEW}") == ada
    assert not may_process(ada.pk, "offers", at=database_now()), "their objection survives"


def test_an_erased_address_is_no_part_of_a_request_that_waits(ada: Profile) -> None:
    open_request(
        NewRequest(kind="erasure", references=("email:gone@example.org",), reason="asked"),
        door="service",
        actor=TESTER,
    )
    act_on_requests()
    for door in ("service", "staff"):
        changes = {"email": "gone@example.org", "note": "ask gone@example.org", "city": "Metz"}
        request = NewRequest(
            kind="rectification", references=("user_id:u1",), changes=changes, reason="asked"
        )
        open_request(request, door=door, actor=TESTER)
    assert tables_with("gone@example.org") == {}
    act_on_requests()
    assert set(
        PrivacyRequest.objects.filter(kind="rectification").values_list("status", flat=True)
    ) == {"awaiting_verification"}
    assert email_of(ada) == FORMER


def test_an_erasure_ends_proofs_that_are_on_their_way(ada: Profile) -> None:
    correct(customer(FORMER))
    confirm_latest()
    assert Confirmation.objects.filter(kind="undo").count() == 1
    erasure = NewRequest(kind="erasure", references=("user_id:u1",), reason="asked")
    open_request(erasure, door="service", actor=TESTER)
    act_on_requests()
    assert not Confirmation.objects.exists()
