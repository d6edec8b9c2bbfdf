"""What is stored can be read: every route and page answers for every person, however strange."""

import io
import json
import re
import zipfile
from collections.abc import Iterable
from typing import Any

import pytest
from django.contrib import admin
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from consent.models import PrivacyRequest
from consent.services import NewRequest, act_on_requests, make_deep_link, open_request
from ingestion.models import InboxRow
from ingestion.services import drain_inbox
from profiles.matching.propose import propose_matches
from profiles.models import Identifier, Merge, Profile
from profiles.services import keep_apart
from segments.models import Segment
from segments.services import (
    create_segment,
    refresh_changed,
    refresh_due,
    resume_rebuilds,
)
from tests.admin import sign_in
from tests.config.walks import operations
from tests.factories import TESTER, make_client, make_purpose, make_source, make_write_key
from tests.system.strangers import messages_of
from tests.tries import tries

pytestmark = pytest.mark.django_db
PEOPLE = max(60, tries(200))
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
    """Accept and drain what strange people send, and build segments of them."""
    make_purpose("newsletter")
    sent = [list(messages_of(number)) for number in range(PEOPLE)]
    # Who is known by the first message alone is merged with whom the last one names.
    send_and_drain(messages.pop(0) for messages in sent)
    send_and_drain(message for messages in sent for message in messages[:-1])
    send_and_drain(messages[-1] for messages in sent)
    assert Merge.objects.exists()
    for number, leaf in enumerate(LEAVES):
        create_segment(
            key=f"s{number}", name=f"S {number}", definition=leaf, actor=TESTER, status="live"
        )
    resume_rebuilds()


def send_and_drain(messages: Iterable[str]) -> None:
    key = make_write_key(make_source(key="shop"))
    for message in messages:
        body = f'{{"writeKey":"{key}","batch":[{message}]}}'
        answer = Client().post("/v1/batch", body, content_type="application/json")
        assert answer.status_code in (200, 400), answer.content
    drain_inbox()
    assert not InboxRow.objects.exists()


def decide_fates(people: list[Profile]) -> set[Profile]:
    """Restrict, erase, correct and part some of the people; return those who are restricted."""
    fates: dict[int, tuple[str, dict[str, Any]]] = {
        0: ("restriction", {}),
        1: ("erasure", {}),
        2: ("objection", {}),
        3: ("rectification", {"city": "e\u0301" * 100, "a.b": [None], "a": {"b": -0.0}}),
    }
    for number, profile in enumerate(people):
        kind, changes = fates.get(number % 9, ("", {}))
        if kind:
            ask(kind, profile, changes=changes)
    for merge in Merge.objects.order_by("pk")[:10]:
        sides = (merge.survivor_identifier_ids, merge.absorbed_identifier_ids)
        one, other = (Identifier.objects.filter(pk__in=side).first() for side in sides)
        if one and other:
            keep_apart(one, other, actor=TESTER, reason="two people")
    act_on_requests()
    refresh_changed()
    refresh_due()
    restricted = set(Profile.objects.filter(is_restricted=True))
    assert restricted
    return restricted


def ask(kind: str, profile: Profile, *, changes: dict[str, Any] | None = None) -> PrivacyRequest:
    request = NewRequest(
        kind=kind,
        references=(f"profile:{profile.uuid}",),
        reason="asked by phone",
        changes=changes or {},
    )
    return open_request(request, door=PrivacyRequest.Door.STAFF, actor=TESTER)


def routes_below(profile: Profile) -> list[str]:
    """Return the routes on a profile that take no query."""
    base = f"/api/v1/profiles/{profile.uuid}"
    addresses = [UUID.sub(str(profile.uuid), address) for address, _, _ in gets()]
    return [each for each in addresses if each.startswith(base) and "why" not in each]


def gets() -> list[tuple[str, str, Any]]:
    return [operation for operation in operations() if operation[1] == "get"]


def assert_routes_answer(client: APIClient, profile: Profile) -> None:
    """Read everything that the API has below a profile."""
    base = f"/api/v1/profiles/{profile.uuid}"
    for address in routes_below(profile):
        assert_pages_answer(client, address)
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


def assert_restricted_are_hidden(client: APIClient, restricted: set[Profile]) -> None:
    """Of restricted people an ordinary key sees that they are, and nothing below them."""
    for profile in restricted:
        itself, *below = routes_below(profile)
        assert client.get(itself).json() == {"id": str(profile.uuid), "status": "restricted"}
        assert {client.get(address).status_code for address in below} == {403}


def assert_erased_are_unknown(client: APIClient, staff: Client, people: list[Profile]) -> None:
    left = set(Profile.objects.values_list("pk", flat=True))
    erased = [profile for profile in people if profile.pk not in left]
    assert erased
    for profile in erased:
        assert {client.get(address).status_code for address in routes_below(profile)} == {404}
        page = staff.get(reverse("admin:profiles_profile_change", args=[profile.pk]))
        assert page.status_code == 302


def assert_lists_answer(client: APIClient) -> None:
    queries = {"/api/v1/segments/overlap/": "?keys=s0,s1,s11"}
    for address, _, _ in gets():
        # The others are about one object, and walked elsewhere.
        is_of_one = any(part in address for part in ("/x/", "/1/", "/me/"))
        if not UUID.search(address) and not is_of_one:
            assert_pages_answer(client, address + queries.get(address, ""))
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
    before = list(Profile.objects.order_by("pk"))
    restricted = decide_fates(before)
    people = list(Profile.objects.order_by("pk"))
    assert len(people) > PEOPLE / 4
    assert set(Segment.objects.values_list("failure", flat=True)) == {""}
    client, staff = make_client(), sign_in()
    assert_restricted_are_hidden(make_client("profiles:read"), restricted)
    assert_erased_are_unknown(client, staff, before)
    for profile in people:
        assert_routes_answer(client, profile)
        page = staff.get(reverse("admin:profiles_profile_change", args=[profile.pk]))
        assert page.status_code == 200
    for profile in people[::5]:
        assert_own_pages_answer(profile)
    propose_matches(everybody=True)
    assert_lists_answer(client)
    assert_identifiers_are_found(client)
    assert_admin_answers(staff)
    assert_archives_are_made(client, people)
    for command in ("verify_profiles", "verify_segments", "verify_ledger"):
        call_command(command, verbosity=0)


def assert_own_pages_answer(profile: Profile) -> None:
    """Open the customers' pages as this person, by each of their identifiers."""
    for identifier in Identifier.objects.filter(profile=profile):
        link = make_deep_link(str(identifier), actor=TESTER)
        browser = Client()
        assert browser.post("/privacy/", {"code": link.token}).status_code == 302
        for page in ("data", "permissions", "requests", "deletion"):
            answer = browser.get(f"/privacy/{page}/")
            assert answer.status_code == 200, (page, answer.content[:300])


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
        # Of who is restricted only their own page is shown.
        shown = Profile.objects.filter(is_restricted=False).order_by("pk")
        for pk in shown.values_list("pk", flat=True)[:5]:
            url = reverse("admin:segments_segment_why", args=[segment.pk, pk])
            assert staff.get(url).status_code == 200, url


def assert_archives_are_made(client: APIClient, people: list[Profile]) -> None:
    requests = [ask("access", profile) for profile in people]
    act_on_requests()
    assert set(PrivacyRequest.objects.values_list("status", "failure")) == {("done", "")}
    for request in requests:
        address = f"/api/v1/privacy/requests/{request.pk}/"
        assert client.get(address).status_code == 200
        archive = client.get(f"{address}archive/")
        assert archive.status_code == 200
        with zipfile.ZipFile(io.BytesIO(archive.content)) as files:
            assert json.loads(files.read("data.json"))["profiles"]
