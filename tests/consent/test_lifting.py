"""The end of a restriction: by staff, by a service, by the customer, and beside other requests."""

from typing import Any

import pytest
from django.urls import reverse

from consent.models import PrivacyRequest
from consent.services import (
    NewRequest,
    WrongStatus,
    act_on_requests,
    lift_restriction,
    may_process,
    open_request,
)
from profiles.lib.database import database_now
from profiles.models import AuditEntry, Profile
from tests.admin import sign_in
from tests.consent.callers import BASE, customer, service
from tests.factories import TESTER, make_profile, make_purpose

pytestmark = pytest.mark.django_db
ADA = "email:ada@example.org"
REQUESTS, OWN = f"{BASE}/privacy/requests/", f"{BASE}/privacy/me/requests/"


@pytest.fixture
def ada() -> Profile:
    make_purpose("orders", legal_basis="contract")
    return make_profile(ADA)


def restrict(kind: str = "restriction", **fields: Any) -> PrivacyRequest:
    new_request = NewRequest(
        kind=kind, references=("email:ada@example.org",), reason="asked", **fields
    )
    request = open_request(new_request, door="service", actor=TESTER)
    act_on_requests()
    request.refresh_from_db()
    return request


def lift(request: PrivacyRequest) -> None:
    lift_restriction(request, actor=TESTER, reason="It is over.", now=database_now())


def is_permitted(profile: Profile) -> bool:
    return may_process(profile.pk, "orders", at=database_now())


def test_what_was_kept_may_be_used_again_and_it_is_written_down_once(ada: Profile) -> None:
    request = restrict()
    assert not is_permitted(ada)
    for _ in range(2):
        lift(request)
    assert is_permitted(ada)
    assert AuditEntry.objects.filter(verb="privacy_request.restriction_lifted").count() == 1
    assert [entry.note for entry in request.log.all()][-1] == "It is over."


def test_who_another_request_restricts_stays_restricted(ada: Profile) -> None:
    first, second = restrict(), restrict()
    lift(first)
    assert not is_permitted(ada)
    lift(second)
    assert is_permitted(ada)


@pytest.mark.parametrize("kind", ["access", "objection", "erasure"])
def test_only_a_restriction_is_lifted(ada: Profile, kind: str) -> None:
    request = restrict(kind)
    with pytest.raises(WrongStatus):
        lift(request)


def test_a_service_and_the_customer_lift_what_they_asked_for(ada: Profile) -> None:
    client = service("privacy:act")
    body = {"kind": "restriction", "identifiers": [ADA], "reason": "asked"}
    for sender, route, content, ending in (
        (client, REQUESTS, body, {"reason": "It is over."}),
        (customer("ada@example.org"), OWN, {"kind": "restriction"}, {}),
    ):
        request = sender.post(route, content).json()["id"]
        act_on_requests()
        assert not is_permitted(ada)
        answer = sender.post(f"{route}{request}/lift/", ending)
        assert (answer.status_code, bool(answer.json()["lifted_at"])) == (200, True)
        assert is_permitted(ada)
    access = client.post(REQUESTS, body | {"kind": "access"}).json()["id"]
    refused = client.post(f"{REQUESTS}{access}/lift/", {"reason": "It is over."})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "no_restriction")


def test_an_officer_ends_it_on_the_page_of_the_request(ada: Profile) -> None:
    request = restrict()
    officer = sign_in("privacy officer")
    page = reverse("admin:consent_privacyrequest_change", args=[request.pk])
    step = reverse("admin:consent_privacyrequest_lift", args=[request.pk])
    assert step in officer.get(page).content.decode()
    assert officer.post(step, {"reason": "It is over."}).status_code == 302
    assert is_permitted(ada)
    assert step not in officer.get(page).content.decode()
