"""Erasure: what is deleted, what stays without a name, and that nobody else is touched."""

import json
from typing import Any

import pytest
from django.db import connection
from psycopg import sql

from consent.models import (
    AccessArchive,
    ConsentBody,
    ConsentEvent,
    ConsentState,
    MailedLink,
    PrivacyRequest,
    RequestLogEntry,
)
from consent.services import (
    NewRequest,
    act_on_request,
    act_on_requests,
    find_suppressed,
    may_process,
    open_request,
    record,
    verify_states,
)
from ingestion.services import drain_inbox
from profiles.models import Event, EventStat, Identifier, Profile, SourceRecord
from profiles.registry import registry
from tests.consent.callers import BASE, customer, service
from tests.consent.inputs import consent_input
from tests.factories import NOW, TESTER, accept_only, make_profile, make_purpose, make_source

pytestmark = pytest.mark.django_db
ADA = "email:ada@example.org"


def open_by_service(*references: str, kind: str = "erasure") -> PrivacyRequest:
    new_request = NewRequest(kind=kind, references=references, reason="Ada wrote to us")
    return open_request(new_request, door="service", actor=TESTER)


def make_ada(*references: str) -> Profile:
    profile = make_profile(ADA, "user_id:1", "anonymous_id:browser-of-ada", *references)
    identifier = profile.identifiers.get(namespace="email")
    SourceRecord.objects.create(
        identifier=identifier,
        profile=profile,
        source=make_source(),
        trust=2,
        traits={"city": ["Lyon", 1]},
    )
    record(consent_input(profile, evidence={"address": "192.0.2.7"}))
    return profile


def everything_stored() -> str:
    """All rows of all tables, as text."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        texts = []
        for table in tables:
            cursor.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table)))
            texts += [row[0] for row in cursor.fetchall()]
    return "\n".join(texts)


def test_the_gate_is_closed_and_all_identifiers_are_suppressed_before_the_call_returns() -> None:
    make_purpose("care", legal_basis="contract")
    make_purpose()
    ada = make_ada()
    open_by_service(ADA)
    assert not may_process(ada.pk, "care", at=NOW)
    references = {ADA, "user_id:1", "anonymous_id:browser-of-ada", f"profile:{ada.uuid}"}
    assert find_suppressed([*references, "user_id:2"]) == references


def test_everything_goes_but_the_proofs_and_they_name_nobody() -> None:
    make_purpose()
    ada = make_ada()
    other = make_profile("email:bob@example.org")
    request = open_by_service(ADA)
    assert act_on_request(request.pk, actor=TESTER)
    request.refresh_from_db()
    assert request.status == "done"
    assert list(Profile.objects.all()) == [other]
    assert ConsentEvent.objects.count() == 1
    for model in (ConsentBody, ConsentState, SourceRecord):
        assert not model.objects.exists()
    stored = everything_stored()
    for value in (
        "ada@example.org",
        "browser-of-ada",
        str(ada.uuid),
        "Lyon",
        "192.0.2.7",
        "Ada wrote",
    ):
        assert value not in stored
    assert verify_states() == []


def test_the_receipt_counts_rows_and_says_what_is_kept_and_why() -> None:
    make_purpose()
    make_ada()
    request = open_by_service(ADA)
    act_on_request(request.pk, actor=TESTER)
    request.refresh_from_db()
    receipt = request.receipt
    assert receipt["erased"]["profiles.Identifier"] == 4
    assert receipt["erased"]["profiles.SourceRecord"] == 1
    assert receipt["erased"]["consent.ConsentBody"] == 1
    assert receipt["suppressed"] == 4
    assert "7(1)" in receipt["kept"]["consent.ConsentEvent"]
    assert "ada@" not in json.dumps(receipt)
    assert (request.body, request.reason) == ({}, "")


def test_erasing_again_finds_nothing_and_ends_the_same_way() -> None:
    make_purpose()
    make_ada()
    first, again = open_by_service(ADA), open_by_service(ADA)
    assert act_on_requests() == 2
    again.refresh_from_db()
    assert again.status == "done"
    assert again.receipt["erased"] == {}
    assert not act_on_request(first.pk, actor=TESTER)


def test_an_unknown_person_is_kept_out_all_the_same() -> None:
    request = open_by_service("email:never@example.org")
    assert find_suppressed(["email:never@example.org"])
    assert act_on_request(request.pk, actor=TESTER)


def test_it_is_done_only_when_what_was_on_its_way_has_been_taken_in() -> None:
    make_profile(ADA)
    accept_only({"type": "identify", "userId": "somebody else"})
    request = open_by_service(ADA)
    assert not act_on_request(request.pk, actor=TESTER)
    request.refresh_from_db()
    assert request.status == "in_progress"
    assert not Profile.objects.exists()
    assert not act_on_request(request.pk, actor=TESTER)
    drain_inbox()
    assert act_on_request(request.pk, actor=TESTER)


def test_an_identifier_that_another_person_holds_is_neither_erased_nor_suppressed() -> None:
    make_profile("user_id:1")
    bob = make_profile("user_id:2", "email:family@example.org")
    request = open_by_service("user_id:1", "email:family@example.org")
    act_on_request(request.pk, actor=TESTER)
    assert list(Profile.objects.all()) == [bob]
    assert bob.identifiers.count() == 3
    bob.refresh_from_db()
    assert not bob.is_restricted
    assert find_suppressed(["email:family@example.org", "user_id:1"]) == {"user_id:1"}


def test_two_profiles_that_nothing_tells_apart_are_one_person_to_a_service() -> None:
    make_profile("user_id:1")
    make_profile("email:ada@example.org")
    act_on_request(open_by_service("user_id:1", ADA).pk, actor=TESTER)
    assert not Profile.objects.exists()


def test_other_open_requests_of_the_person_end_and_their_bodies_and_archives_go() -> None:
    make_purpose()
    make_ada()
    access = open_by_service(ADA, kind="access")
    act_on_request(access.pk, actor=TESTER)
    waiting = open_request(
        NewRequest(
            kind="rectification", references=(ADA,), reason="Ada", changes={"city": "Paris"}
        ),
        door="staff",
        actor=TESTER,
    )
    RequestLogEntry.objects.create(request=waiting, status="verified", actor="dpo", note="Ada rang")
    act_on_request(open_by_service(ADA).pk, actor=TESTER)
    waiting.refresh_from_db()
    access.refresh_from_db()
    assert waiting.status == "cancelled"
    assert access.status == "done"
    assert (waiting.body, waiting.reason, access.body) == ({}, "", {})
    assert not AccessArchive.objects.exists()
    assert "Ada rang" not in everything_stored()


def test_a_consent_for_an_erased_person_is_refused() -> None:
    make_purpose()
    make_ada()
    act_on_request(open_by_service(ADA).pk, actor=TESTER)
    body = {"identifier": ADA, "purpose": "newsletter", "state": "given", "method": "api"}
    answer = service("consent:write").post(f"{BASE}/consents/", body)
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["code"] == "suppressed"
    assert not Identifier.objects.exists()


def test_the_customer_may_watch_their_erasure_to_its_end() -> None:
    make_profile(ADA)
    client = customer("ada@example.org")
    erasure = client.post(f"{BASE}/privacy/me/requests/", {"kind": "erasure"}).json()
    assert erasure["status"] == "verified"
    act_on_requests()
    url = f"{BASE}/privacy/me/requests/{erasure['id']}/"
    assert client.get(url).json()["status"] == "done"
    assert client.get(f"{BASE}/privacy/me/").status_code == 404
    assert MailedLink.objects.get().address_digest == ""


def test_a_customer_erases_what_is_provably_theirs_and_the_rest_stays_with_an_open_gate() -> None:
    make_purpose("care", legal_basis="contract")
    profile = make_profile(ADA, "phone:+33612345678")
    email, phone = (profile.identifiers.get(namespace=name) for name in ("email", "phone"))
    source = make_source()
    for identifier, city in ((email, "Lyon"), (phone, "Brest")):
        SourceRecord.objects.create(
            identifier=identifier,
            profile=profile,
            source=source,
            trust=1,
            traits={"city": [city, 1]},
        )
    client = customer("ada@example.org")
    client.post(f"{BASE}/privacy/me/requests/", {"kind": "erasure"})
    assert not may_process(profile.pk, "care", at=NOW)
    act_on_requests()
    assert may_process(profile.pk, "care", at=NOW)
    profile.refresh_from_db()
    assert profile.traits["city"] == "Brest"
    assert set(profile.identifiers.values_list("namespace", flat=True)) == {"phone", "profile"}
    assert find_suppressed([ADA, "phone:+33612345678"]) == {ADA}
    assert not Event.objects.exists()
    assert not EventStat.objects.exists()


def test_the_rest_of_a_profile_stays_closed_until_its_last_erasure_is_done() -> None:
    make_purpose("care", legal_basis="contract")
    profile = make_profile(ADA, "email:grace@example.org", "phone:+33612345678")
    requests = []
    for address in ("ada@example.org", "grace@example.org"):
        answer = customer(address).post(f"{BASE}/privacy/me/requests/", {"kind": "erasure"})
        requests.append(answer.json()["id"])
    act_on_request(requests[0], actor=TESTER)
    assert not may_process(profile.pk, "care", at=NOW)
    act_on_request(requests[1], actor=TESTER)
    assert may_process(profile.pk, "care", at=NOW)


def test_erasing_a_part_lifts_no_restriction_that_was_asked_for() -> None:
    make_purpose("care", legal_basis="contract")
    profile = make_profile(ADA, "user_id:1")
    erasure = customer("ada@example.org").post(f"{BASE}/privacy/me/requests/", {"kind": "erasure"})
    restriction = open_by_service("user_id:1", kind="restriction")
    act_on_request(restriction.pk, actor=TESTER)
    act_on_request(erasure.json()["id"], actor=TESTER)
    assert profile.identifiers.count() == 2
    assert not may_process(profile.pk, "care", at=NOW)


def test_declarations_give_only_fields_that_the_model_or_its_words_have() -> None:
    def names(row: dict[str, Any]) -> set[str]:
        return set(row) - {"purpose", "version", "evidence", "id", "permitted"}

    make_purpose()
    ada = make_ada()
    act_on_request(open_by_service(ADA, kind="access").pk, actor=TESTER)
    for declaration in registry:
        if declaration.label.startswith("consent.") and declaration.overrides("read"):
            for row in declaration.read([ada.pk])[ada.pk]:
                assert names(row) <= set(declaration.fields), declaration.label
