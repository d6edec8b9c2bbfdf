"""The API of sources, write keys and rejected messages, and the commands beside it."""

from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from ingestion.api.senders import forget_senders
from ingestion.models import InboxRow, RejectedMessage, WriteKey
from profiles.models import ApiKey, Event, Source
from profiles.models.access import Scope
from tests.factories import make_api_key, make_client, make_source, make_write_key, send_messages

pytestmark = pytest.mark.django_db
URL = "/api/v1/sources/"
REJECTED = "/api/v1/rejected-messages/"


@pytest.fixture
def admin() -> APIClient:
    return make_client(Scope.PRIVACY_ADMIN)


def takes(key: str) -> bool:
    """Whether the tracking API takes messages by the key."""
    forget_senders()
    response = Client().post(
        "/v1/track",
        {"event": "Tried", "userId": "u1"},
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )
    return response.status_code == 200


def test_a_source_is_made_with_a_write_key_that_is_shown_once(admin: APIClient) -> None:
    body = {
        "key": "shop",
        "name": "The shop",
        "priority": 5,
        "party": "third",
        "joins_people": True,
        "kind": "secret",
    }
    response = admin.post(URL, body)
    assert response.status_code == 201, response.json()
    source = response.json()
    assert takes(source.pop("write_key"))
    assert source == admin.get(f"{URL}shop/").json()
    (key,) = source.pop("keys")
    assert source.pop("created_at")
    assert source == {
        "key": "shop",
        "name": "The shop",
        "priority": 5,
        "party": "third",
        "joins_people": True,
        "allowed_origins": [],
        "keeps_address": False,
        "session_minutes": None,
        "signing_secrets": [],
    }
    assert (key["kind"], key["revoked_at"]) == ("secret", None)
    assert key.keys() == {"prefix", "kind", "created_at", "revoked_at"}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"kind": "secret"}, "key"),
        ({"key": "Shop!", "kind": "secret"}, "key"),
        ({"key": "taken", "kind": "secret"}, "key"),
        ({"key": "shop"}, "kind"),
        ({"key": "shop", "kind": "private"}, "kind"),
        ({"key": "shop", "kind": "secret", "priority": -1}, "priority"),
        ({"key": "shop", "kind": "secret", "priority": 10**6}, "priority"),
    ],
)
def test_a_source_that_is_malformed_or_taken_is_refused(
    admin: APIClient, body: object, path: str
) -> None:
    make_source(key="taken")
    response = admin.post(URL, body)
    assert response.status_code == 400
    assert [fault["path"] for fault in response.json()["errors"]] == [path]
    assert not Source.objects.filter(key="shop").exists()


def test_a_source_is_changed_but_for_its_key(admin: APIClient) -> None:
    make_source(key="shop")
    assert admin.patch(f"{URL}shop/", {"key": "other"}).status_code == 400
    response = admin.patch(f"{URL}shop/", {"name": "Renamed", "joins_people": True})
    assert response.status_code == 200
    assert (response.json()["key"], response.json()["name"]) == ("shop", "Renamed")
    assert Source.objects.get(key="shop").joins_people
    assert admin.patch(f"{URL}none/", {"name": "x"}).status_code == 404


def test_the_origins_of_a_source_are_set_and_each_that_is_none_is_named(admin: APIClient) -> None:
    origins = ["https://shop.example.org", "https://*.example.org", "http://[::1]:3000"]
    body = {"key": "shop", "kind": "public", "allowed_origins": origins, "keeps_address": True}
    made = admin.post(URL, body).json()
    assert (made["allowed_origins"], made["keeps_address"]) == (origins, True)
    wrong = [
        "https://shop.example.org/",
        "shop.example.org",
        "*",
        "https://a.*.org",
        "HTTPS://A.org",
    ]
    response = admin.patch(f"{URL}shop/", {"allowed_origins": [origins[0], *wrong]})
    assert response.status_code == 400
    paths = [fault["path"] for fault in response.json()["errors"]]
    assert paths == [f"allowed_origins[{place}]" for place in range(1, 6)]
    assert admin.patch(f"{URL}shop/", {"allowed_origins": []}).json()["allowed_origins"] == []


def test_two_keys_live_at_once_and_a_revoked_one_takes_nothing(admin: APIClient) -> None:
    old = make_write_key(make_source(key="shop"))
    response = admin.post(f"{URL}shop/keys/", {"kind": "public"})
    assert response.status_code == 201
    new = response.json()["write_key"]
    assert takes(old)
    assert takes(new)
    prefix = WriteKey.objects.exclude(prefix=response.json()["prefix"]).get().prefix
    for _ in range(2):
        assert admin.delete(f"{URL}shop/keys/{prefix}/").status_code == 204
    assert not takes(old)
    assert takes(new)


def test_a_key_of_another_source_is_not_there(admin: APIClient) -> None:
    make_source(key="shop")
    make_write_key(make_source(key="crm"))
    prefix = WriteKey.objects.get().prefix
    assert admin.delete(f"{URL}shop/keys/{prefix}/").status_code == 404
    assert admin.delete(f"{URL}none/keys/{prefix}/").status_code == 404
    assert WriteKey.objects.filter(revoked_at=None).count() == 1


def test_a_signing_secret_is_shown_once_and_revoked(admin: APIClient) -> None:
    make_source(key="shop")
    made = admin.post(f"{URL}shop/signing-secrets/").json()
    assert made.pop("secret").startswith(made["prefix"])
    assert admin.get(f"{URL}shop/").json()["signing_secrets"] == [made]
    make_source(key="crm")
    assert admin.delete(f"{URL}crm/signing-secrets/{made['prefix']}/").status_code == 404
    for _ in range(2):
        assert admin.delete(f"{URL}shop/signing-secrets/{made['prefix']}/").status_code == 204
    assert admin.get(f"{URL}shop/").json()["signing_secrets"][0]["revoked_at"]


def test_sources_are_listed_filtered_and_cost_four_queries(
    admin: APIClient, django_assert_num_queries: Any
) -> None:
    for key in ("crm", "shop", "web"):
        make_write_key(make_source(key=key), kind="public" if key == "web" else "secret")
        make_write_key(make_source(key=key), kind="secret" if key == "shop" else "public")

    def keys(query: str) -> list[str]:
        return [row["key"] for row in admin.get(f"{URL}{query}").json()["results"]]

    with django_assert_num_queries(4):
        assert keys("") == ["crm", "shop", "web"]
    assert keys("?kind=public") == ["crm", "web"]
    assert keys("?name=SHO") == ["shop"]
    assert keys("?key=crm&joins_people=false") == ["crm"]
    assert admin.get(f"{URL}?kin=public").status_code == 400


def test_an_answer_never_shows_a_digest(admin: APIClient) -> None:
    make_write_key(make_source(key="shop"))
    assert WriteKey.objects.get().digest not in admin.get(URL).content.decode()


def test_a_rejected_message_is_shown_as_it_came_with_its_reason(admin: APIClient) -> None:
    send_messages(
        {"type": "track", "userId": "u1", "messageId": "m1", "properties": {"size": 43.5}}
    )
    (row,) = admin.get(REJECTED).json()["results"]
    assert row["body"] == {
        "type": "track",
        "userId": "u1",
        "messageId": "m1",
        "properties": {"size": 43.5},
    }
    assert (row["source"], row["message_id"], row["type"]) == ("shop", "m1", "track")
    assert (row["code"], row["path"], row["replayed_at"]) == ("missing_event", "event", None)
    assert row["id"] == str(RejectedMessage.objects.get().uuid)
    assert admin.get(f"{REJECTED}{row['id']}/").json() == row


def test_rejected_messages_are_filtered_and_cost_two_queries(
    admin: APIClient, django_assert_num_queries: Any
) -> None:
    send_messages({"type": "track", "userId": "u1"}, {"type": "nonsense", "userId": "u1"})
    send_messages({"type": "identify"}, source="crm")
    RejectedMessage.objects.filter(code="unknown_type").update(replayed_at="2026-01-01T00:00:00Z")

    def codes(query: str) -> list[str]:
        return [row["code"] for row in admin.get(f"{REJECTED}{query}").json()["results"]]

    with django_assert_num_queries(2):
        assert len(codes("")) == 3
    assert codes("?source=crm") == ["missing_identity"]
    assert codes("?code=missing_event") == ["missing_event"]
    assert codes("?type=track") == ["missing_event"]
    assert codes("?replayed=true") == ["unknown_type"]
    assert codes("?replayed=false") == ["missing_identity", "missing_event"]
    assert codes("?before=2020-01-01T00:00:00Z") == []


def test_a_rejected_message_is_replayed_once(admin: APIClient) -> None:
    send_messages({"type": "track", "userId": "u1"})
    address = f"{REJECTED}{RejectedMessage.objects.get().uuid}/replay/"
    response = admin.post(address)
    assert response.status_code == 202
    assert response.json()["replayed_at"]
    assert InboxRow.objects.count() == 1
    again = admin.post(address)
    assert (again.status_code, again["Content-Type"]) == (409, "application/problem+json")
    assert InboxRow.objects.count() == 1


def run(*arguments: str) -> list[str]:
    response = StringIO()
    call_command(*arguments, stdout=response)
    return response.getvalue().splitlines()


def test_create_source_prints_the_key_alone_on_the_last_line() -> None:
    lines = run("create_source", "shop", "--kind", "secret", "--name", "The shop")
    assert takes(lines[-1])
    assert Source.objects.get(key="shop").name == "The shop"
    assert WriteKey.objects.get().kind == "secret"


def test_create_source_gives_a_source_that_is_there_one_more_key() -> None:
    first = run("create_source", "shop", "--kind", "secret")[-1]
    second = run("create_source", "shop", "--kind", "public")[-1]
    assert takes(first)
    assert takes(second)
    assert Source.objects.count() == 1


def test_create_source_refuses_a_bad_key_in_one_line() -> None:
    with pytest.raises(CommandError, match="lower-case letter"):
        run("create_source", "Shop!", "--kind", "secret")
    assert not WriteKey.objects.exists()


def test_create_api_key_prints_the_key_alone_on_the_last_line() -> None:
    secret = run("create_api_key", "Newsletter", "--scopes", "profiles:read segments:read")[-1]
    caller = APIClient(headers={"Authorization": f"Bearer {secret}"})
    assert caller.get("/api/v1/profiles/").status_code == 200
    assert caller.get(URL).status_code == 403
    assert ApiKey.objects.get().scopes == ["profiles:read", "segments:read"]


@pytest.mark.parametrize("scopes", ["", "profiles:raed"])
def test_create_api_key_lists_the_scopes_that_there_are(scopes: str) -> None:
    with pytest.raises(CommandError, match="profiles:read"):
        run("create_api_key", "x", "--scopes", scopes)
    assert not ApiKey.objects.exists()


def test_drain_takes_in_all_that_was_accepted() -> None:
    key = make_write_key()
    assert takes(key)
    assert takes(key)
    assert run("drain") == ["Drained 2 requests."]
    assert (InboxRow.objects.count(), Event.objects.count()) == (0, 2)
    assert run("drain") == ["Drained 0 requests."]


def test_drain_waits_for_rows_whose_worker_was_killed() -> None:
    assert takes(make_write_key())
    until = timezone.now() + timedelta(seconds=1)
    InboxRow.objects.update(lease=uuid4(), leased_until=until, attempts=1)
    assert run("drain") == ["Drained 1 requests."]
    assert timezone.now() >= until


def test_a_write_key_never_reads() -> None:
    caller = APIClient(headers={"Authorization": f"Bearer {make_write_key()}"})
    assert caller.get("/api/v1/profiles/").status_code == 401
    assert make_api_key() != make_api_key()
