"""Webhooks by the API: made, tried, proposed, changed, given another address and removed."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from rest_framework.test import APIClient

from ingestion.models import Hook, InboxRow
from ingestion.services import drain_inbox
from profiles.lib import exact_json
from profiles.models import AuditEntry, Event, Source
from profiles.models.access import Scope
from tests.factories import make_client, profile_of
from tests.ingestion.hook_signatures import SECRET, SIGNED_BY

pytestmark = pytest.mark.django_db
ROUTE, MAPPINGS = "/api/v1/hooks/", "/api/v1/hook-mappings/"
SAMPLE = {
    "type": "vote.cast",
    "id": "v-1",
    "created_at": "2026-03-01T10:00:00Z",
    "voter": {"email": "ada@example.org"},
    "choice": "blue",
    "weight": 19.99,
}
FACT = {
    "call": "track",
    "event": "Voted",
    "id": "id",
    "time": "created_at",
    "who": {"email": "voter.email"},
    "properties": {"choice": "choice", "weight": "weight"},
}
BODY = {"key": "votes", "name": "Votes", "secret": SECRET, "kinds": {"vote.cast": [FACT]}}


@pytest.fixture
def admin() -> APIClient:
    return make_client(Scope.PRIVACY_ADMIN)


def make(admin: APIClient, **overrides: Any) -> str:
    """Make a webhook, and return its address."""
    answer = admin.post(ROUTE, BODY | overrides)
    assert answer.status_code == 201, answer.json()
    return urlsplit(answer.json()["url"]).path


def deliver(url: str, content: Any) -> int:
    body = exact_json.dumps(content)
    headers = SIGNED_BY["custom"](body.encode(), datetime.now(UTC))
    return Client().post(url, body, content_type="application/json", headers=headers).status_code


def paths(answer: Any) -> list[str]:
    assert answer.status_code == 400, answer.json()
    return [error["path"] for error in answer.json()["errors"]]


def test_a_webhook_is_made_and_its_deliveries_arrive(admin: APIClient) -> None:
    answer = admin.post(ROUTE, BODY)
    made = answer.json()
    url = urlsplit(made.pop("url")).path
    assert url.startswith("/hooks/votes/twh_")
    assert made == admin.get(f"{ROUTE}votes/").json()
    assert made["kinds"] == BODY["kinds"]
    assert url.split("/")[3] not in admin.get(ROUTE).content.decode()
    assert SECRET not in answer.content.decode()
    assert deliver(url, SAMPLE) == 200
    drain_inbox()
    event = Event.objects.get()
    assert event.profile == profile_of("email:ada@example.org")
    assert event.source.key == "votes"


def test_a_delivery_is_tried_and_nothing_is_stored(admin: APIClient) -> None:
    make(admin)
    given = admin.post(f"{MAPPINGS}try/", {"delivery": SAMPLE, "kinds": BODY["kinds"]}).json()
    kept = admin.post(f"{ROUTE}votes/try/", {"delivery": SAMPLE}).json()
    assert given == kept
    (tried,) = given["messages"]
    assert tried["message"]["properties"] == {"choice": "blue", "weight": 19.99}
    assert (tried["verified"], given["kind"], given["is_known"]) == (False, "vote.cast", True)
    other = admin.post(f"{ROUTE}votes/try/", {"delivery": SAMPLE, "header": "vote.lost"}).json()
    assert (other["kind"], other["is_known"], other["messages"]) == ("vote.lost", False, [])
    nobody = admin.post(f"{ROUTE}votes/try/", {"delivery": SAMPLE | {"voter": {}}}).json()
    assert nobody["left_out"] == ["no_person"]
    assert not InboxRow.objects.exists()
    assert Source.objects.filter(key="votes").count() == Hook.objects.count() == 1


def test_what_is_tried_is_what_is_taken(admin: APIClient) -> None:
    url = make(admin)
    (tried,) = admin.post(f"{ROUTE}votes/try/", {"delivery": SAMPLE}).json()["messages"]
    deliver(url, SAMPLE)
    drain_inbox()
    event = Event.objects.get()
    assert exact_json.with_floats(event.properties) == tried["message"]["properties"]


def test_a_proposal_is_whole_and_has_no_values(admin: APIClient) -> None:
    answer = admin.post(f"{MAPPINGS}propose/", {"delivery": SAMPLE, "header": "order.paid"})
    (fact,) = answer.json()["kinds"]["*"]
    assert (fact["event"], fact["who"]) == ("Order Paid", {"email": "voter.email"})
    assert "ada@" not in answer.content.decode()
    again = admin.post(f"{MAPPINGS}try/", {"delivery": SAMPLE, "kinds": answer.json()["kinds"]})
    assert len(again.json()["messages"]) == 1


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"id": "id("}, "kinds.vote.cast[0].id"),
        ({"properties": {"a": {"b": "sum("}}}, "kinds.vote.cast[0].properties.a.b"),
        ({"who": {}}, "kinds.vote.cast[0].who"),
        ({"each": {"a": "b"}}, "kinds.vote.cast[0].each"),
        ({"when": 1}, "kinds.vote.cast[0].when"),
        ({"more": "x"}, "kinds.vote.cast[0].more"),
    ],
)
def test_a_wrong_mapping_is_refused_at_every_door_with_its_path(
    admin: APIClient, change: dict[str, Any], path: str
) -> None:
    make(admin)
    kinds = {"vote.cast": [FACT | change]}
    assert paths(admin.post(ROUTE, BODY | {"key": "other", "kinds": kinds})) == [path]
    assert paths(admin.patch(f"{ROUTE}votes/", {"kinds": kinds})) == [path]
    tried = admin.post(f"{MAPPINGS}try/", {"delivery": SAMPLE, "kinds": kinds})
    assert paths(tried) == [path]
    assert not Source.objects.filter(key="other").exists()
    assert Hook.objects.get().kinds == BODY["kinds"]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"kinds": {}}, "kinds"),
        ({"kinds": []}, "kinds"),
        ({"kinds": {"a": []}}, "kinds.a"),
        ({"secret": ""}, "secret"),
        ({"key": "Not a key"}, "key"),
        ({"preset": "nothing"}, "preset"),
        ({"preset": "shopify"}, "kinds"),
        ({"more": 1}, "more"),
    ],
)
def test_what_is_wrong_with_a_webhook_is_said(
    admin: APIClient, change: dict[str, Any], path: str
) -> None:
    assert paths(admin.post(ROUTE, BODY | change)) == [path]
    assert not Source.objects.filter(key="votes").exists()


def test_a_key_in_use_is_refused(admin: APIClient) -> None:
    make(admin)
    assert paths(admin.post(ROUTE, BODY)) == ["key"]


def test_a_shop_is_connected_and_keeps_its_own_mapping(admin: APIClient) -> None:
    answer = admin.post(ROUTE, {"key": "shop", "preset": "shopify", "secret": SECRET})
    assert answer.status_code == 201
    assert paths(admin.patch(f"{ROUTE}shop/", {"kinds": BODY["kinds"]})) == ["kinds"]
    assert paths(admin.post(f"{ROUTE}shop/try/", {"delivery": SAMPLE})) == [""]
    (listed,) = admin.get(f"{ROUTE}?preset=shopify").json()["results"]
    assert (listed["source"], listed["kinds"]) == ("shop", {})


def test_mapping_and_secret_are_changed_and_noted_without_the_secret(admin: APIClient) -> None:
    url = make(admin, secret="another-secret")
    assert deliver(url, SAMPLE) == 401
    kinds = {"*": [FACT | {"event": "Cast a vote"}]}
    changed = admin.patch(f"{ROUTE}votes/", {"kinds": kinds, "secret": SECRET})
    assert changed.json()["kinds"] == kinds
    assert deliver(url, SAMPLE) == 200
    drain_inbox()
    assert Event.objects.get().name.name == "Cast a vote"
    entry = AuditEntry.objects.get(verb="source.hook_changed")
    assert (entry.object_key, set(entry.changes)) == ("votes", {"kinds", "secret"})
    assert SECRET not in str(entry.changes)
    admin.patch(f"{ROUTE}votes/", {"kinds": kinds, "secret": SECRET})
    assert AuditEntry.objects.filter(verb="source.hook_changed").count() == 1


def test_another_address_takes_the_place_of_the_former(admin: APIClient) -> None:
    former = make(admin)
    answer = admin.post(f"{ROUTE}votes/rotate/")
    assert answer.status_code == 201
    url = urlsplit(answer.json()["url"]).path
    assert deliver(former, SAMPLE) == 404
    assert deliver(url, SAMPLE) == 200
    entry = AuditEntry.objects.get(verb="source.hook_replaced")
    assert entry.changes["hook"][1] == answer.json()["prefix"]


def test_a_webhook_is_removed_and_what_it_said_stays(admin: APIClient) -> None:
    url = make(admin)
    deliver(url, SAMPLE)
    drain_inbox()
    assert admin.delete(f"{ROUTE}votes/").status_code == 204
    assert admin.get(f"{ROUTE}votes/").status_code == 404
    assert deliver(url, SAMPLE) == 404
    assert Event.objects.count() == 1
    assert AuditEntry.objects.filter(verb="source.hook_deleted").count() == 1
    assert admin.delete(f"{ROUTE}votes/").status_code == 404


def test_only_privacy_admins_reach_it() -> None:
    other = make_client(Scope.PROFILES_READ, Scope.PROFILES_WRITE)
    for method, route in (
        ("get", ROUTE),
        ("post", ROUTE),
        ("post", f"{MAPPINGS}try/"),
        ("post", f"{MAPPINGS}propose/"),
        ("post", f"{ROUTE}votes/rotate/"),
    ):
        assert getattr(other, method)(route).status_code == 403
