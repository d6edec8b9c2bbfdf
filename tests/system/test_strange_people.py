"""What is stored can be read: every route and page answers for every person, however strange."""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from consent.models import PrivacyRequest
from consent.services import NewRequest, act_on_requests, open_request
from ingestion.models import InboxRow
from ingestion.services import drain_inbox
from profiles.models import Identifier, Profile
from segments.models import Segment
from segments.services import (
    create_segment,
    refresh_changed,
    refresh_due,
    resume_rebuilds,
)
from tests.admin import sign_in
from tests.config.walks import operations
from tests.factories import TESTER, make_client, make_purpose, make_write_key
from tests.system.strangers import messages_of

pytestmark = pytest.mark.django_db
PEOPLE = 200
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
LEAVES: list[dict[str, Any]] = [
    {"type": "trait", "key": "age", "operator": "gt", "value": 1},
    {"type": "trait", "key": "birth_date", "operator": "age_between", "value": [1, 150]},
    {"type": "trait", "key": "created_at", "operator": "in_last", "value": {"years": 100}},
    {"type": "trait", "key": "interests", "operator": "includes_any", "value": ["a", 1, True]},
    {"type": "trait", "key": "a", "operator": "equals", "value": {"trait": "email"}},
    {"type": "trait", "key": "city", "operator": "matches", "value": "^.*[a-z]{1,255}$"},
    {"type": "trait", "key": "name", "operator": "not_contains", "value": "x", "ignore_case": True},
    {"type": "event", "name": "*", "aggregate": "sum", "property": "revenue", "operator": "gte",
     "value": 0, "window": {"last": {"months": 12}}},
    {"type": "event", "name": "Order Completed", "aggregate": "max", "property": "revenue",
     "operator": "exists"},
    {"type": "event", "name": "*", "operator": "gte", "value": 1,
     "where": {"type": "context", "key": "device.a", "operator": "before", "value": "2026-01-01"}},
    {"type": "event", "name": "*", "aggregate": "last_at", "operator": "in_last",
     "value": {"minutes": 5}},
    {"type": "not", "child": {"type": "consent", "purpose": "newsletter", "permitted": True}},
]  # fmt: skip


def make_strange_store() -> None:
    """Accept and drain what two hundred strange people send, and build segments of them."""
    make_purpose("newsletter")
    url, key = "/v1/batch", make_write_key()
    for number in range(PEOPLE):
        for message in messages_of(number):
            body = f'{{"writeKey":"{key}","batch":[{message}]}}'
            answer = Client().post(url, body, content_type="application/json")
            assert answer.status_code in (200, 400), answer.content
    drain_inbox()
    assert not InboxRow.objects.exists()
    for number, leaf in enumerate(LEAVES):
        create_segment(
            key=f"s{number}", name=f"S {number}", definition=leaf, actor=TESTER, status="live"
        )
    resume_rebuilds()
    refresh_changed()
    refresh_due()


def assert_routes_answer(client: APIClient, profile: Profile) -> None:
    """Read everything that the API has below a profile."""
    base = f"/api/v1/profiles/{profile.uuid}"
    for address, method, _ in operations():
        below = UUID.sub(str(profile.uuid), address)
        # These two take a query, and come next.
        if method == "get" and below.startswith(base) and "why" not in below:
            assert_pages_answer(client, below)
    for key in list(profile.traits)[:3]:
        answer = client.get(f"{base}/why-trait/", {"key": key})
        assert answer.status_code == (200 if key else 400), (key, answer.content[:300])
    ids = [row["id"] for row in client.get(f"{base}/identifiers/").json()["results"]]
    answer = client.get(f"{base}/why-merged/", {"a": ids[0], "b": ids[-1]})
    assert answer.status_code == 200, answer.content[:300]
    # Each segment explains itself to every sixth person, which are many enough.
    for number in range(profile.pk % 6, len(LEAVES), 6):
        answer = client.get(f"/api/v1/segments/s{number}/why/", {"profile": profile.uuid})
        assert answer.status_code == 200, (number, answer.content[:300])


def assert_lists_answer(client: APIClient) -> None:
    for address, method, _ in operations():
        # The others are about one object or ask which ones, and walked elsewhere.
        others = ("/x/", "/me/", "/overlap/")
        is_list = not UUID.search(address) and not any(part in address for part in others)
        if method == "get" and is_list:
            assert_pages_answer(client, address)
    for key in Segment.objects.values_list("key", flat=True):
        assert_pages_answer(client, f"/api/v1/segments/{key}/members/")
        assert_pages_answer(client, f"/api/v1/segments/{key}/history/")
    assert_pages_answer(client, "/api/v1/segments/overlap/?keys=s0,s1,s2")


def assert_pages_answer(client: APIClient, address: str) -> None:
    url: str | None = address
    while url:
        answer = client.get(url)
        assert answer.status_code == 200, (url, answer.content[:300])
        body = answer.json() if "json" in answer["Content-Type"] else None
        url = body.get("next") if isinstance(body, dict) else None


def test_every_route_and_page_answers_for_every_strange_person() -> None:
    make_strange_store()
    people = list(Profile.objects.order_by("pk"))
    assert len(people) > PEOPLE / 4
    assert set(Segment.objects.values_list("failure", flat=True)) == {""}
    client, staff = make_client(), sign_in()
    for profile in people:
        assert_routes_answer(client, profile)
        page = staff.get(reverse("admin:profiles_profile_change", args=[profile.pk]))
        assert page.status_code == 200
    assert_lists_answer(client)
    assert_identifiers_are_found(client)
    assert_admin_answers(staff)
    assert_archives_are_made(people)
    for command in ("verify_profiles", "verify_segments", "verify_ledger"):
        call_command(command, verbosity=0)


def assert_identifiers_are_found(client: APIClient) -> None:
    for identifier in Identifier.objects.exclude(profile=None).prefetch_related("profile"):
        body = {"identifiers": [str(identifier)]}
        answer = client.post("/api/v1/profiles/lookup/", body)
        assert answer.status_code == 200, (body, answer.content[:300])
        assert str(identifier.profile.uuid) in answer.content.decode()


def assert_admin_answers(staff: Client) -> None:
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert staff.get(reverse(f"{name}_changelist")).status_code == 200, name
        if model._meta.label == "consent.Suppression":
            continue
        for row in model._default_manager.all()[:5]:
            page = staff.get(reverse(f"{name}_change", args=[row.pk]))
            assert page.status_code == 200, (name, row.pk)
    for segment in Segment.objects.all():
        for pk in Profile.objects.values_list("pk", flat=True)[:5]:
            url = reverse("admin:segments_segment_why", args=[segment.pk, pk])
            assert staff.get(url).status_code == 200, url


def assert_archives_are_made(people: list[Profile]) -> None:
    for profile in people:
        request = NewRequest(
            kind="access", references=(f"profile:{profile.uuid}",), reason="asked by phone"
        )
        open_request(request, door=PrivacyRequest.Door.STAFF, actor=TESTER)
    act_on_requests()
    assert set(PrivacyRequest.objects.values_list("status", "failure")) == {("done", "")}
