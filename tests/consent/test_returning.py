"""The way back: who is stored again, and what they had refused before."""

import io
from typing import Any

import pytest
from django.core.management import call_command

from consent.services import (
    NewRequest,
    act_on_requests,
    find_suppressed,
    may_process,
    open_request,
    record,
    verify_states,
    welcome_back,
)
from profiles.lib.database import database_now
from profiles.models import AuditEntry, Identifier
from tests.consent.callers import BASE, customer
from tests.consent.inputs import consent_input
from tests.factories import TESTER, make_profile, make_purpose, profile_of, send_messages
from tests.random_ids import without_ids

pytestmark = pytest.mark.django_db
ADA = "email:ada@example.org"


def erase_ada() -> None:
    new_request = NewRequest(kind="erasure", references=(ADA,), reason="asked")
    open_request(new_request, door="service", actor=TESTER)
    assert act_on_requests() == 1


@pytest.fixture
def erased(db: None) -> None:
    make_purpose("newsletter", is_direct_marketing=True)
    make_purpose("offers", legal_basis="legitimate_interest", is_direct_marketing=True)
    make_purpose("care", validity="P9Y")
    profile = make_profile(ADA, "user_id:u42")
    record(consent_input(profile, kind="objection", purpose=None))
    record(consent_input(profile, "withdrawn", purpose="care"))
    erase_ada()


def permitted(purpose: str) -> bool:
    return may_process(profile_of(ADA).pk, purpose, at=database_now())


def test_who_comes_back_is_stored_again_and_their_objection_stands(erased: None) -> None:
    assert welcome_back([ADA], actor=TESTER, reason="signed letter")
    assert find_suppressed([ADA, "user_id:u42"]) == {"user_id:u42"}
    assert not permitted("offers")
    assert not permitted("care")
    send_messages({"anonymousId": "a-1", "traits": {"email": "ada@example.org", "city": "Lyon"}})
    assert profile_of(ADA).traits["city"] == "Lyon"
    assert verify_states() == []
    entry = AuditEntry.objects.get(verb="suppression.lifted")
    assert "ada" not in without_ids(str(entry.changes))


def test_opting_in_to_one_purpose_leaves_marketing_objected(erased: None) -> None:
    welcome_back([ADA], actor=TESTER, reason="signed letter")
    url = f"{BASE}/privacy/me/consents/"
    customer("ada@example.org").post(url, {"purpose": "newsletter", "state": "given"})
    assert permitted("newsletter")
    assert not permitted("offers")


def test_several_identifiers_of_a_person_come_back_together(erased: None) -> None:
    assert welcome_back([ADA, "user_id:u42"], actor=TESTER, reason="signed letter")
    send_messages({"userId": "u42", "traits": {"city": "Nice"}})
    assert profile_of(ADA).traits["city"] == "Nice"


def test_another_erasure_closes_the_way_again(erased: None) -> None:
    welcome_back([ADA], actor=TESTER, reason="signed letter")
    erase_ada()
    assert find_suppressed([ADA]) == {ADA}
    assert not Identifier.objects.filter(namespace="email").exists()
    welcome_back([ADA], actor=TESTER, reason="signed letter")
    assert not permitted("offers"), "the objection survives a second time"


def test_who_was_never_erased_is_not_made_known(erased: None) -> None:
    assert not welcome_back(["email:bob@example.org"], actor=TESTER, reason="a letter")
    assert not Identifier.objects.filter(value="bob@example.org").exists()


def test_the_command_reads_identifiers_from_standard_input(
    erased: None, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{ADA}\nuser_id:u42\n"))
    call_command("welcome_back", "--proof", "signed letter")
    assert "Lifted" in capsys.readouterr().out
    assert not find_suppressed([ADA, "user_id:u42"])
