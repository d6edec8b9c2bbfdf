"""The API for customers: the link, the session, and that it reaches only what is theirs."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from consent.models import ConsentEvent, MailedLink, PrivacyRequest
from consent.services import (
    act_on_requests,
    may_process,
    remove_expired,
    send_links,
    verify_request,
)
from profiles.models import IdentityFact, IdentityOutcome, Profile, SourceRecord
from tests.consent.callers import BASE, customer, mailed_token, read_archive, service
from tests.factories import NOW, TESTER, make_profile, make_purpose, make_source

pytestmark = pytest.mark.django_db
ME = f"{BASE}/privacy/me/"
ADA, PHONE = "email:ada@example.org", "phone:+33612345678"


def make_fact(profile: Profile, *namespaces: str, trust: int = 2) -> IdentityFact:
    """A fact that links identifiers of the profile to each other."""
    identifier_ids = list(
        profile.identifiers.filter(namespace__in=namespaces).values_list("pk", flat=True)
    )
    return IdentityFact.objects.create(
        seq=IdentityFact.objects.count() + 1,
        digest=uuid4(),
        identifier_ids=identifier_ids,
        source=make_source(key="shop"),
        trust=trust,
        day=NOW.date(),
    )


def add_record(profile: Profile, namespace: str, city: str) -> None:
    SourceRecord.objects.create(
        identifier=profile.identifiers.get(namespace=namespace),
        profile=profile,
        source=make_source(key="shop"),
        trust=2,
        traits={"city": [city, 1]},
    )


def test_a_link_is_mailed_and_opens_one_session() -> None:
    make_profile(ADA)
    token = mailed_token("Ada@Example.org")
    assert mail.outbox[0].to == ["ada@example.org"]
    assert "ada@" not in mail.outbox[0].body.lower()
    client = APIClient()
    first = client.post(f"{ME}session/", {"token": token})
    again = client.post(f"{ME}session/", {"token": token})
    assert (first.status_code, again.status_code) == (201, 400)
    assert token not in str(MailedLink.objects.values_list())
    assert first.json()["token"] not in str(MailedLink.objects.values_list())


def test_a_known_and_an_unknown_address_get_the_same_answer_by_the_same_queries() -> None:
    make_profile(ADA)
    answers = []
    for address in ("ada@example.org", "nobody@example.org", "not an address"):
        with CaptureQueriesContext(connection) as captured:
            answer = APIClient().post(f"{ME}link/", {"email": address})
        shapes = [query["sql"].split("(")[0].split('"')[0] for query in captured]
        answers.append((answer.status_code, answer.content, shapes))
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == 202
    assert send_links() == 3
    assert [message.to for message in mail.outbox] == [["ada@example.org"]]


def test_three_links_an_hour_are_mailed_to_one_address() -> None:
    make_profile(ADA)
    statuses = [
        APIClient().post(f"{ME}link/", {"email": "ada@example.org"}).status_code for _ in range(5)
    ]
    send_links()
    assert statuses == [202] * 5
    assert len(mail.outbox) == 3
    MailedLink.objects.update(created_at=NOW)
    APIClient().post(f"{ME}link/", {"email": "ada@example.org"})
    send_links()
    assert len(mail.outbox) == 4


def test_a_link_that_cannot_be_mailed_is_tried_again(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    make_profile(ADA)
    APIClient().post(f"{ME}link/", {"email": "ada@example.org"})
    working = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "tests.consent.callers.FailingMail"
    assert send_links() == 0
    settings.EMAIL_BACKEND = working
    assert "ada@" not in caplog.text
    assert send_links() == 1
    assert len(mail.outbox) == 1
    assert send_links() == 0


def test_a_link_works_for_ten_minutes_and_a_session_for_thirty() -> None:
    make_profile(ADA)
    token = mailed_token("ada@example.org")
    link = MailedLink.objects.get()
    assert link.expires_at - link.sent_at == timedelta(minutes=10)
    MailedLink.objects.update(expires_at=link.sent_at)
    assert APIClient().post(f"{ME}session/", {"token": token}).status_code == 400
    client = customer("ada@example.org")
    used = MailedLink.objects.get(used_at__isnull=False)
    assert used.session_expires_at - used.used_at == timedelta(minutes=30)
    assert client.get(ME).status_code == 200
    MailedLink.objects.update(session_expires_at=NOW)
    assert client.get(ME).status_code == 401


def test_nobody_gets_in_without_a_session() -> None:
    make_profile(ADA)
    for client in (APIClient(), service()):
        assert client.get(ME).status_code == 401
        assert client.post(f"{ME}consents/", {}).status_code == 401
        assert client.post(f"{ME}requests/", {}).status_code == 401
        assert client.get(f"{ME}requests/{uuid4()}/").status_code == 401
        assert client.get(f"{ME}requests/{uuid4()}/archive/").status_code == 401
        assert client.post(f"{ME}requests/{uuid4()}/archive/confirm/").status_code == 401


def test_a_session_opens_no_other_door() -> None:
    make_profile(ADA)
    assert customer("ada@example.org").get(f"{BASE}/consents/").status_code == 401


def test_a_customer_sees_their_data_and_consents() -> None:
    make_purpose()
    profile = make_profile(ADA, "user_id:1", traits={"city": "Lyon"})
    make_fact(profile, "email", "user_id")
    own_data = customer("ada@example.org").get(ME).json()
    assert own_data["is_whole"] is True
    assert own_data["id"] == str(profile.uuid)
    assert own_data["traits"] == {"city": "Lyon"}
    assert own_data["consents"]["newsletter"]["permitted"] is False
    assert {row["value"] for row in own_data["sections"]["Identifiers"]} >= {"ada@example.org", "1"}
    assert own_data["counts"]["Identifiers"] == 3


def test_what_is_not_provably_theirs_is_left_out() -> None:
    profile = make_profile(ADA, PHONE, traits={"city": "Brest"})
    add_record(profile, "email", "Lyon")
    add_record(profile, "phone", "Brest")
    make_fact(profile, "email", "phone", trust=1)
    own_data = customer("ada@example.org").get(ME).json()
    assert own_data["is_whole"] is False
    assert own_data["id"] is None
    assert own_data["traits"]["city"] == "Lyon"
    text = json.dumps(own_data)
    assert "Brest" not in text
    assert "+336" not in text
    assert str(profile.uuid) not in text
    profile.refresh_from_db()
    assert profile.traits == {"city": "Brest"}
    assert Profile.objects.count() == 1


def test_trusted_facts_join_and_those_that_a_rule_refused_do_not() -> None:
    profile = make_profile(ADA, PHONE, "user_id:1")
    add_record(profile, "phone", "Brest")
    make_fact(profile, "email", "user_id")
    refused = make_fact(profile, "user_id", "phone")
    outcome = IdentityOutcome.objects.create(
        fact=refused,
        identifier=profile.identifiers.get(namespace="phone"),
        rule="limit",
        day=NOW.date(),
    )
    client = customer("ada@example.org")
    assert "Brest" not in json.dumps(client.get(ME).json())
    outcome.delete()
    assert client.get(ME).json()["is_whole"] is True


def test_a_shared_identifier_that_is_quarantined_joins_nothing() -> None:
    profile = make_profile(ADA, PHONE, "user_id:1")
    make_fact(profile, "email", "phone")
    make_fact(profile, "phone", "user_id")
    add_record(profile, "user_id", "Brest")
    client = customer("ada@example.org")
    assert "Brest" in json.dumps(client.get(ME).json())
    profile.identifiers.filter(namespace="phone").update(quarantined_at=NOW)
    assert "Brest" not in json.dumps(client.get(ME).json())
    profile.identifiers.filter(namespace="email").update(quarantined_at=NOW)
    profile.identifiers.filter(namespace="phone").update(quarantined_at=None)
    assert "+336" not in json.dumps(client.get(ME).json())


def test_the_words_of_a_request_about_more_than_their_part_are_left_out() -> None:
    make_profile(ADA, PHONE)
    body = {"kind": "access", "identifiers": [PHONE], "reason": "Grace rang"}
    service().post(f"{BASE}/privacy/requests/", body)
    own_data = customer("ada@example.org").get(ME).json()
    assert own_data["counts"]["Privacy requests"] == 1
    assert "Grace" not in json.dumps(own_data)
    assert "+336" not in json.dumps(own_data)


def test_a_customer_gives_and_withdraws_a_consent() -> None:
    make_purpose()
    profile = make_profile(ADA)
    client = customer("ada@example.org")
    given = client.post(f"{ME}consents/", {"purpose": "newsletter", "state": "given"})
    assert given.status_code == 201, given.json()
    assert (given.json()["actor"], ConsentEvent.objects.get().trust) == ("subject", 3)
    assert may_process(profile.pk, "newsletter", at=NOW)
    client.post(f"{ME}consents/", {"purpose": "newsletter", "state": "withdrawn"})
    assert not may_process(profile.pk, "newsletter", at=NOW)
    bad = client.post(f"{ME}consents/", {"purpose": "unheard-of", "state": "given"})
    assert (bad.status_code, bad.json()["errors"][0]["path"]) == (400, "purpose")
    assert (
        client.post(f"{ME}consents/", {"purpose": "newsletter", "state": "unknown"}).status_code
        == 400
    )


def test_a_customer_objects_to_marketing() -> None:
    make_purpose("offers", legal_basis="legitimate_interest", is_direct_marketing=True)
    profile = make_profile(ADA)
    customer("ada@example.org").post(f"{ME}requests/", {"kind": "objection"})
    assert not may_process(profile.pk, "offers", at=NOW)


def test_a_customer_fetches_the_archive_of_their_part() -> None:
    profile = make_profile(ADA, PHONE)
    add_record(profile, "email", "Lyon")
    add_record(profile, "phone", "Brest")
    client = customer("ada@example.org")
    request = client.post(f"{ME}requests/", {"kind": "access"}).json()
    act_on_requests()
    assert client.get(f"{ME}requests/{request['id']}/").json()["status"] == "done"
    files = read_archive(client.get(f"{ME}requests/{request['id']}/archive/").content)
    text = json.dumps(files)
    assert "Lyon" in text
    assert "Brest" not in text
    assert "+336" not in text
    assert client.post(f"{ME}requests/{request['id']}/archive/confirm/").status_code == 204
    assert client.get(f"{ME}requests/{request['id']}/archive/").status_code == 410


def test_a_customer_corrects_a_profile_that_is_all_theirs() -> None:
    profile = make_profile(ADA, traits={"city": "Lyon"})
    body = {"kind": "rectification", "changes": {"city": "Paris"}}
    assert customer("ada@example.org").post(f"{ME}requests/", body).json()["status"] == "verified"
    act_on_requests()
    profile.refresh_from_db()
    assert profile.traits["city"] == "Paris"


def test_correcting_a_profile_that_is_not_all_theirs_waits_for_staff() -> None:
    profile = make_profile(ADA, PHONE)
    body = {"kind": "rectification", "changes": {"city": "Paris"}}
    answer = customer("ada@example.org").post(f"{ME}requests/", body).json()
    assert answer["status"] == "awaiting_verification"
    assert act_on_requests() == 0
    request = PrivacyRequest.objects.get()
    verify_request(request, actor=TESTER, note="called back")
    assert act_on_requests() == 1
    profile.refresh_from_db()
    assert profile.traits["city"] == "Paris"


def test_another_customers_request_is_not_found() -> None:
    make_profile(ADA)
    make_profile("email:bob@example.org")
    request = customer("ada@example.org").post(f"{ME}requests/", {"kind": "access"}).json()
    bob = customer("bob@example.org")
    assert bob.get(f"{ME}requests/{request['id']}/").status_code == 404
    assert bob.get(f"{ME}requests/{request['id']}/archive/").status_code == 404


def test_links_and_archives_go_when_their_time_is_over() -> None:
    make_profile(ADA)
    client = customer("ada@example.org")
    client.post(f"{ME}requests/", {"kind": "access"})
    act_on_requests()
    assert remove_expired() == 0
    PrivacyRequest.objects.get().archive.__class__.objects.update(expires_at=NOW)
    MailedLink.objects.update(created_at=NOW, expires_at=NOW, session_expires_at=NOW)
    assert remove_expired() == 2
    assert not MailedLink.objects.exists()
