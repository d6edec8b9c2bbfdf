"""Privacy requests from services: their steps, the work of each kind, and the receipts."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError
from psycopg.errors import DeadlockDetected

from consent.lib import checkpoints
from consent.models import PrivacyRequest
from consent.services import (
    NewRequest,
    WrongStatus,
    act_on_request,
    act_on_requests,
    cancel_request,
    count_failed_requests,
    current_states,
    extend_request,
    may_process,
    open_request,
    refuse_request,
)
from profiles.lib.calendar import add_months
from profiles.lib.checkpoints import handled
from profiles.lib.database import database_now
from profiles.models import Profile, SourceRecord
from tests.consent.callers import BASE, read_archive, service
from tests.factories import NOW, TESTER, make_profile, make_purpose, make_source

pytestmark = pytest.mark.django_db
REQUESTS = f"{BASE}/privacy/requests/"


def open_by_service(kind: str, *references: str, **overrides: Any) -> PrivacyRequest:
    new_request = NewRequest(
        kind=kind, references=references, reason="asked by telephone", **overrides
    )
    return open_request(new_request, door="service", actor=TESTER)


def make_ada(**overrides: Any) -> Profile:
    profile = make_profile("email:ada@example.org", "user_id:1", **overrides)
    identifier = profile.identifiers.get(namespace="email")
    SourceRecord.objects.create(
        identifier=identifier,
        profile=profile,
        source=make_source(key="crm"),
        trust=2,
        traits={"city": ["Lyon", 1]},
    )
    return profile


def test_a_request_is_due_in_one_calendar_month() -> None:
    request = open_by_service("access", "email:ada@example.org")
    assert request.due_at == add_months(request.received_at, 1)
    assert add_months(datetime(2026, 1, 31, tzinfo=UTC), 1) == datetime(2026, 2, 28, tzinfo=UTC)


def test_a_service_vouches_so_its_request_is_verified_and_every_step_is_logged() -> None:
    make_ada()
    client = service("privacy:act")
    body = {"kind": "access", "identifiers": ["email:Ada@Example.org"], "reason": "asked"}
    answer = client.post(REQUESTS, body)
    assert answer.status_code == 201
    assert answer.json()["status"] == "verified"
    request = PrivacyRequest.objects.get(pk=answer.json()["id"])
    assert act_on_request(request.pk, actor=TESTER)
    assert list(request.log.values_list("status", flat=True)) == ["received", "verified", "done"]
    assert client.get(f"{REQUESTS}{request.pk}/").json()["status"] == "done"


def test_rectification_locks_the_corrected_trait_and_forgets_what_was_asked() -> None:
    ada = make_ada()
    request = open_by_service("rectification", "user_id:1", changes={"city": "Paris"})
    assert act_on_request(request.pk, actor=TESTER)
    ada.refresh_from_db()
    request.refresh_from_db()
    assert ada.traits["city"] == "Paris"
    assert (request.status, request.body) == ("done", {})
    assert not act_on_request(request.pk, actor=TESTER), "a second worker has nothing to do"


def test_rectifying_nobody_is_refused() -> None:
    request = open_by_service("rectification", "user_id:404", changes={"city": "Paris"})
    act_on_request(request.pk, actor=TESTER)
    request.refresh_from_db()
    assert request.status == "refused"


def test_restriction_closes_the_gate_before_the_call_returns() -> None:
    make_purpose("care", legal_basis="contract")
    ada = make_ada()
    open_by_service("restriction", "user_id:1")
    assert not may_process(ada.pk, "care", at=NOW)
    assert act_on_requests() == 1


def test_an_objection_stops_marketing_before_the_call_returns() -> None:
    make_purpose("offers", legal_basis="legitimate_interest", is_direct_marketing=True)
    ada = make_ada()
    assert may_process(ada.pk, "offers", at=NOW)
    open_by_service("objection", "user_id:1")
    assert not may_process(ada.pk, "offers", at=NOW)
    assert current_states([ada.pk], at=NOW)[ada.pk]["offers"]["objected"] is True
    assert act_on_requests() == 1


def test_the_same_idempotency_key_opens_one_request() -> None:
    client = service("privacy:act")
    body = {"kind": "access", "identifiers": ["user_id:1"], "reason": "asked"}
    first, again = (
        client.post(REQUESTS, body, headers={"Idempotency-Key": "form 7"}) for _ in range(2)
    )
    assert first.json()["id"] == again.json()["id"]
    other = service("privacy:act", name="another").post(
        REQUESTS, body, headers={"Idempotency-Key": "form 7"}
    )
    assert other.json()["id"] != first.json()["id"]


def test_a_refusal_names_its_article_and_reason() -> None:
    request = open_by_service("access", "user_id:1")
    with pytest.raises(ValueError, match="article"):
        refuse_request(request, actor=TESTER, article="", reason="unfounded")
    refuse_request(request, actor=TESTER, article="12(5)", reason="manifestly unfounded")
    assert request.log.last().note == "12(5): manifestly unfounded"
    with pytest.raises(WrongStatus):
        refuse_request(request, actor=TESTER, article="12(5)", reason="again")


def test_a_request_that_took_effect_cannot_be_cancelled() -> None:
    with pytest.raises(WrongStatus):
        cancel_request(open_by_service("erasure", "user_id:1"), actor=TESTER)


def test_two_more_months_are_had_once_and_within_the_first() -> None:
    request = open_by_service("access", "user_id:1")
    late = request.due_at + timedelta(seconds=1)
    with pytest.raises(WrongStatus):
        extend_request(request, actor=TESTER, reason="complex", now=late)
    extend_request(request, actor=TESTER, reason="complex", now=request.received_at)
    assert request.due_at == add_months(request.received_at, 3)
    with pytest.raises(WrongStatus):
        extend_request(request, actor=TESTER, reason="complex", now=request.received_at)


def test_an_access_request_leaves_out_another_person_who_shares_an_identifier() -> None:
    ada = make_profile("user_id:1")
    make_profile("user_id:2", "email:family@example.org")
    client = service("privacy:act")
    body = {
        "kind": "access",
        "identifiers": ["email:family@example.org", "user_id:1"],
        "reason": "asked",
    }
    request = client.post(REQUESTS, body).json()
    act_on_requests()
    files = read_archive(client.get(f"{REQUESTS}{request['id']}/archive/").content)
    assert [profile["id"] for profile in files["data.json"]["profiles"]] == [str(ada.uuid)]
    assert "family" not in json.dumps(files)
    assert request["receipt"]["left_out"] == 1


def test_a_request_that_fails_is_tried_again_and_stops_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    make_ada()
    failing = open_by_service("rectification", "user_id:1", changes={"city": "Paris"})
    other = open_by_service("access", "user_id:1")

    def fail(request: PrivacyRequest) -> None:
        if request.pk == failing.pk:
            raise ValueError("ada@example.org")

    with handled(checkpoints.ACTING, fail):
        assert act_on_requests() == 1
    failing.refresh_from_db()
    other.refresh_from_db()
    assert (failing.status, failing.attempts, other.status) == ("verified", 1, "done")
    assert (failing.failure, count_failed_requests()) == ("value_error", 1)
    assert "ada@" not in caplog.text
    # It waits for its time, which a second failure would put off further.
    assert act_on_requests() == 0
    PrivacyRequest.objects.filter(pk=failing.pk).update(retry_at=database_now())
    assert act_on_requests() == 1
    failing.refresh_from_db()
    assert (failing.failed_at, failing.failure, failing.retry_at) == (None, "", None)
    assert count_failed_requests() == 0


def test_the_delay_grows_with_each_failure_of_a_request() -> None:
    make_ada()
    failing = open_by_service("rectification", "user_id:1", changes={"city": "Paris"})
    delays = []

    def fail(request: PrivacyRequest) -> None:
        raise ValueError

    with handled(checkpoints.ACTING, fail):
        for _ in range(3):
            PrivacyRequest.objects.update(retry_at=None)
            act_on_requests()
            failing.refresh_from_db()
            assert failing.retry_at is not None
            assert failing.failed_at is not None
            delays.append((failing.retry_at - failing.failed_at).total_seconds())
    assert delays == [60, 120, 240]


def test_an_outage_is_no_fault_of_a_request() -> None:
    make_ada()
    request = open_by_service("access", "user_id:1")

    def deadlock(_: PrivacyRequest) -> None:
        raise OperationalError from DeadlockDetected()

    with handled(checkpoints.ACTING, deadlock):
        assert act_on_requests() == 0
    request.refresh_from_db()
    assert (request.attempts, request.failed_at) == (0, None)
    assert act_on_requests() == 1


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"kind": "forgetting"}, "kind"),
        ({"identifiers": []}, "identifiers"),
        ({"identifiers": ["ada"]}, "identifiers"),
        ({"identifiers": ["email:not an address"]}, "identifiers"),
        ({"reason": ""}, "reason"),
        ({"kind": "rectification"}, "changes"),
        ({"changes": {"city": "Paris"}}, "changes"),
        ({"kind": "rectification", "changes": ["Paris"]}, "changes"),
        ({"kind": "rectification", "changes": {"city": "a\0b"}}, "changes.city"),
    ],
)
def test_a_bad_request_is_refused_with_the_path_of_its_fault(change: dict, path: str) -> None:
    body = {"kind": "access", "identifiers": ["user_id:1"], "reason": "asked"} | change
    answer = service("privacy:act").post(REQUESTS, body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["path"].split("[")[0] == path
    assert not PrivacyRequest.objects.exists()


def test_a_key_sees_its_own_requests_and_the_privacy_role_all() -> None:
    mine, other, officer = (
        service("privacy:act"),
        service("privacy:act"),
        service("privacy:act", "privacy:admin"),
    )
    body = {"kind": "access", "identifiers": ["user_id:1"], "reason": "asked"}
    url = f"{REQUESTS}{mine.post(REQUESTS, body).json()['id']}/"
    assert [client.get(url).status_code for client in (mine, other, officer)] == [200, 404, 200]
    assert other.get(REQUESTS).json()["results"] == []
    assert (
        len(officer.get(REQUESTS, {"kind": "access", "status": "verified"}).json()["results"]) == 1
    )
    assert officer.get(REQUESTS, {"kind": "erasure"}).json()["results"] == []


@pytest.mark.parametrize("kind", ["erasure", "restriction", "objection"])
def test_what_has_taken_effect_can_no_longer_be_refused(kind: str) -> None:
    make_profile("user_id:1")
    request = open_by_service(kind, "user_id:1")
    with pytest.raises(WrongStatus):
        refuse_request(request, actor=TESTER, article="12(5)", reason="manifestly unfounded")
    request.refresh_from_db()
    assert request.status == "verified"
    assert act_on_requests() == 1
