"""What OpenDSR requests do here, beyond what tests/opendsr shows of any processor."""

import hashlib
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone
from psycopg import sql
from rest_framework.test import APIClient

from consent.models import Controller, PrivacyRequest, SubjectRequest
from consent.services import (
    act_on_requests,
    find_suppressed,
    may_process,
    take_up_subject_requests,
)
from profiles.models import Profile
from tests.consent.callers import read_archive, service
from tests.consent.passed_on import ADA, BASE, ask, body, identity, make_controller, reasons, work
from tests.factories import NOW, make_api_key, make_profile, make_purpose

pytestmark = pytest.mark.django_db
CALLBACK = "https://callbacks.example/opendsr"


@pytest.fixture
def controller() -> Controller:
    return make_controller()


@pytest.fixture
def client(controller: Controller) -> APIClient:
    return service("privacy:act", name="acme")


@pytest.fixture
def at_once(settings: Any) -> None:
    settings.OPENDSR_PENDING_SECONDS = 0


def test_nothing_happens_to_anybody_before_the_time_to_cancel_is_over(client: APIClient) -> None:
    make_purpose("care", legal_basis="contract")
    ada = make_profile(f"email:{ADA}")
    request = ask(client, body())
    assert request.door == "controller"
    work()
    request.refresh_from_db()
    assert request.status == "received"
    assert may_process(ada.pk, "care", at=NOW)
    assert not find_suppressed([f"email:{ADA}"])


def test_it_is_taken_up_once_the_time_to_cancel_is_over(client: APIClient, settings: Any) -> None:
    make_profile(f"email:{ADA}")
    ask(client, body())
    longer_ago = timezone.now() - timedelta(seconds=settings.OPENDSR_PENDING_SECONDS + 1)
    SubjectRequest.objects.update(received_at=longer_ago)
    assert take_up_subject_requests() == 1
    assert find_suppressed([f"email:{ADA}"])
    assert act_on_requests() == 1
    assert not Profile.objects.exists()


@pytest.mark.usefixtures("at_once")
def test_a_hash_finds_the_person_and_is_kept_nowhere(client: APIClient) -> None:
    digest = hashlib.sha256(ADA.encode()).hexdigest()
    make_profile(f"email:{ADA}", "user_id:1")
    make_profile("email:bob@example.org")
    request = ask(client, body(subject_identities=[identity(digest, form="sha256")]))
    work()
    request.refresh_from_db()
    assert request.status == "done"
    assert find_suppressed([f"email:{ADA}", "user_id:1", "email:bob@example.org"]) == {
        f"email:{ADA}",
        "user_id:1",
    }
    assert Profile.objects.count() == 1
    stored = everything_stored()
    assert ADA not in stored
    assert digest not in stored


@pytest.mark.usefixtures("at_once")
def test_an_unknown_hash_is_counted_and_said_to_match_nobody(client: APIClient) -> None:
    request = body("access", subject_identities=[identity("ab" * 32, form="sha256")])
    row = ask(client, request)
    work()
    row.refresh_from_db()
    assert row.receipt["unknown_hashes"] == 1
    assert "hashes" not in row.body
    status = client.get(f"{BASE}/requests/{request['subject_request_id']}").json()
    assert (status["request_status"], status["results_count"]) == ("completed", 0)
    assert status["extensions"] == {"localhost": {"outcome": "no_match"}}


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("kind", "reference"),
    [
        ("controller_customer_id", "user_id:42"),
        ("android_id", "android.id:42"),
        ("ios_vendor_id", "ios.id:42"),
        ("ios_advertising_id", "ios.idfa:42"),
        ("android_advertising_id", "android.idfa:42"),
    ],
)
def test_each_type_of_identity_finds_what_it_names(
    client: APIClient, kind: str, reference: str
) -> None:
    make_profile(reference)
    make_profile("email:bob@example.org")
    ask(client, body(subject_identities=[identity("42", kind)]))
    work()
    assert [str(row) for row in Profile.objects.get().identifiers.filter(namespace="email")]
    assert find_suppressed([reference])


@pytest.mark.usefixtures("at_once")
def test_access_gives_the_archive_that_others_get(client: APIClient) -> None:
    make_profile(f"email:{ADA}")
    request = body("access")
    ask(client, request)
    work()
    answer = client.get(f"{BASE}/requests/{request['subject_request_id']}/results")
    assert read_archive(answer.content)["data.json"]["profiles"]
    again = client.get(f"{BASE}/requests/{request['subject_request_id']}/results")
    assert (again.status_code, reasons(again)) == (410, ["gone"])


def test_results_are_asked_for_too_early(client: APIClient) -> None:
    request = body("access")
    ask(client, request)
    answer = client.get(f"{BASE}/requests/{request['subject_request_id']}/results")
    assert (answer.status_code, reasons(answer)) == (404, ["not_made"])


@pytest.mark.usefixtures("at_once")
def test_the_kinds_that_the_standard_lacks_are_extensions(client: APIClient) -> None:
    ada = make_profile(f"email:{ADA}")
    extensions = {"localhost": {"changes": {"city": "Paris"}}}
    ask(client, body("x-rectification", extensions=extensions))
    ask(client, body("x-objection"))
    ask(client, body("x-restriction"))
    work()
    ada.refresh_from_db()
    assert ada.traits["city"] == "Paris"
    assert ada.is_restricted
    assert set(PrivacyRequest.objects.values_list("status", flat=True)) == {"done"}
    types = client.get(f"{BASE}/discovery").json()["supported_subject_request_types"]
    assert types == ["erasure", "access", "portability"]


@pytest.mark.parametrize(
    ("kind", "changes"),
    [("x-rectification", {}), ("erasure", {"city": "Paris"}), ("x-rectification", "city")],
)
def test_a_rectification_and_nothing_else_has_changes(
    client: APIClient, kind: str, changes: Any
) -> None:
    request = body(kind, extensions={"localhost": {"changes": changes}})
    answer = client.post(f"{BASE}/requests", request)
    assert (answer.status_code, reasons(answer)) == (400, ["changes"])


def test_a_correction_that_is_none_is_refused_at_once(client: APIClient) -> None:
    request = body("x-rectification", extensions={"localhost": {"changes": {"email": "nobody"}}})
    answer = client.post(f"{BASE}/requests", request)
    assert (answer.status_code, reasons(answer)) == (400, ["invalid_correction"])
    assert "nobody" not in answer.content.decode()


@pytest.mark.parametrize("scopes", [["profiles:read"], ["privacy:admin"], ["consent:write"]])
def test_a_key_without_the_scope_does_nothing(controller: Controller, scopes: list[str]) -> None:
    client = service(*scopes, name="acme")
    request_id = uuid4()
    assert client.post(f"{BASE}/requests", body()).status_code == 403
    for path in (f"requests/{request_id}", f"requests/{request_id}/results"):
        assert client.get(f"{BASE}/{path}").status_code == 403
    assert client.delete(f"{BASE}/requests/{request_id}").status_code == 403
    assert not PrivacyRequest.objects.exists()


def test_a_key_that_no_controller_is_registered_by_does_nothing(controller: Controller) -> None:
    client = service("privacy:act", name="another")
    answer = client.post(f"{BASE}/requests", body())
    assert (answer.status_code, reasons(answer)) == (403, ["no_controller"])
    assert not PrivacyRequest.objects.exists()


def test_a_next_key_of_the_same_name_acts_for_the_controller(client: APIClient) -> None:
    request = body()
    ask(client, request)
    other = APIClient()
    other.credentials(HTTP_AUTHORIZATION=f"Bearer {make_api_key('privacy:act', name='acme')}")
    path = f"{BASE}/requests/{request['subject_request_id']}"
    assert other.get(path).json()["request_status"] == "pending"


def test_the_same_body_opens_one_request_and_another_is_a_conflict(client: APIClient) -> None:
    request = body()
    ask(client, request)
    ask(client, request)
    assert PrivacyRequest.objects.count() == 1
    answer = client.post(f"{BASE}/requests", request | {"subject_request_type": "access"})
    assert (answer.status_code, reasons(answer)) == (400, ["conflict"])


def test_without_a_regulation_it_is_taken_for_the_gdpr_where_the_settings_allow(
    client: APIClient, settings: Any
) -> None:
    settings.OPENDSR_STRICT = False
    request = body()
    del request["regulation"]
    ask(client, request)
    assert SubjectRequest.objects.get().regulation == "gdpr"


@pytest.mark.parametrize("time", ["2026-03-01T00:00:00Z", "2026-03-01T00:00:00"])
def test_a_request_under_the_ccpa_has_45_days(client: APIClient, time: str) -> None:
    request = ask(client, body(regulation="ccpa", submitted_time=time))
    assert request.due_at == datetime(2026, 4, 15, tzinfo=UTC)


def test_a_time_that_is_still_to_come_gives_no_more_time(client: APIClient) -> None:
    request = ask(client, body(submitted_time="2099-01-01T00:00:00Z"))
    assert request.due_at - request.received_at < timedelta(days=32)


def test_an_extended_deadline_is_what_the_controller_is_told(client: APIClient) -> None:
    request = body()
    row = ask(client, request)
    later = row.due_at + timedelta(days=60)
    PrivacyRequest.objects.update(due_at=later)
    status = client.get(f"{BASE}/requests/{request['subject_request_id']}").json()
    assert datetime.fromisoformat(status["expected_completion_time"]) == later


@pytest.mark.usefixtures("at_once")
def test_a_person_who_was_erased_before_is_named_by_no_later_request(client: APIClient) -> None:
    make_profile(f"email:{ADA}")
    ask(client, body())
    work()
    for kind in ("access", "portability", "x-objection", "x-restriction"):
        ask(client, body(kind))
    assert ADA not in everything_stored()
    work()
    assert ADA not in everything_stored()


@pytest.mark.usefixtures("at_once")
def test_what_is_pending_when_its_person_is_erased_ends(client: APIClient) -> None:
    make_profile(f"email:{ADA}")
    access = ask(client, body("access"))
    SubjectRequest.objects.update(received_at=timezone.now() + timedelta(hours=1))
    ask(client, body())
    work()
    access.refresh_from_db()
    assert (access.status, access.body) == ("cancelled", {})


@pytest.mark.usefixtures("at_once")
def test_one_that_fails_is_set_apart_and_the_others_go_on(client: APIClient) -> None:
    broken, other = ask(client, body()), ask(client, body(value="bob@example.org"))
    PrivacyRequest.objects.filter(pk=broken.pk).update(body={})
    work()
    broken.refresh_from_db()
    other.refresh_from_db()
    assert (broken.status, broken.failure, broken.attempts) == ("received", "key_error", 1)
    assert other.status == "done"
    assert take_up_subject_requests() == 0


def test_no_log_and_no_answer_has_an_identity(
    client: APIClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    answer = client.post(f"{BASE}/requests", body(subject_identities=[identity("ada@@x")]))
    assert (answer.status_code, reasons(answer)) == (400, ["invalid_identity"])
    receipt = client.post(f"{BASE}/requests", body())
    assert ADA not in receipt.content.decode()
    assert ADA in b64decode(receipt.json()["encoded_request"]).decode()
    assert "ada@" not in answer.content.decode() + caplog.text


def everything_stored() -> str:
    """All rows of all tables, as text."""
    with connection.cursor() as cursor:
        texts = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table)))
            texts += [row[0] for row in cursor.fetchall()]
    return "\n".join(texts)
