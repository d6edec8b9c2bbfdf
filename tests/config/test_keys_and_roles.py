"""What API keys may do and until when, and that no role can write roles."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ingestion.services import drain_inbox
from profiles.models import ApiKey, Event, Source, SourceRecord, TrustLevel
from profiles.models.access import Scope
from tests.admin import sign_in
from tests.factories import make_api_key

pytestmark = pytest.mark.django_db
ROLES = ("marketer", "steward", "privacy officer", "auditor", "admin")


def send(secret: str, address: str = "/v1/identify", **message: Any) -> int:
    body = {"userId": "u1", "traits": {"city": "Lyon"}} | message
    headers = {"Authorization": f"Bearer {secret}"}
    return (
        Client().post(address, body, content_type="application/json", headers=headers).status_code
    )


def make_key(*options: str, scopes: str = "profiles:read") -> str:
    out = StringIO()
    call_command("create_api_key", "Till", "--scopes", scopes, *options, stdout=out)
    return out.getvalue().splitlines()[-1]


def test_a_key_with_events_write_sends_as_its_service() -> None:
    secret = make_key(scopes="events:write")
    assert send(secret) == 200
    assert send(secret, "/v1/track", event="Order Completed", properties={"revenue": 5}) == 200
    drain_inbox()
    [record] = SourceRecord.objects.all()
    assert (record.source.key, record.trust) == ("service-till", TrustLevel.SERVER)
    assert Event.objects.get().source == record.source
    # The next key of the service sends as the same source.
    assert send(make_key(scopes="events:write"), traits={"city": "Paris"}) == 200
    assert Source.objects.count() == 1


def test_a_key_that_may_not_send_is_unknown_to_tracking() -> None:
    others = [scope for scope in Scope.values if scope != Scope.EVENTS_WRITE]
    assert send(make_api_key(*others)) == 401
    for field in ("revoked_at", "expires_at"):
        secret = make_api_key("events:write")
        ApiKey.objects.update(**{field: timezone.now() - timedelta(seconds=1)})
        assert send(secret) == 401
    assert not Source.objects.exists()


@pytest.mark.parametrize("name", ["Till", "Été à Lyon", "日本", "a" * 120, "-"])
def test_every_name_of_a_service_makes_a_source(name: str) -> None:
    secret = make_api_key("events:write")
    ApiKey.objects.update(name=name)
    assert send(secret) == 200
    Source.objects.get().full_clean()


def test_the_command_gives_a_key_an_end() -> None:
    make_key()
    assert ApiKey.objects.get().expires_at is None
    tomorrow = timezone.localdate() + timedelta(days=1)
    make_key("--expires", tomorrow.isoformat())
    expires_at = ApiKey.objects.latest("pk").expires_at
    assert expires_at is not None
    assert timezone.localtime(expires_at).date() == tomorrow
    make_key("--expires", "2999-01-31T12:00:00Z")
    for text in ("yesterday", "2026-13-01", "2020-01-01", ""):
        with pytest.raises(CommandError):
            make_key("--expires", text)


def test_the_admin_gives_a_key_an_end_and_refuses_a_past_one() -> None:
    client, url = sign_in("admin"), reverse("admin:profiles_apikey_add")
    today = timezone.localdate()
    fields = {"name": "till", "scopes": ["profiles:read"]}
    client.post(url, fields | {"expires_on": (today - timedelta(days=1)).isoformat()})
    assert not ApiKey.objects.exists()
    client.post(url, fields | {"expires_on": today.isoformat()})
    expires_at = ApiKey.objects.get().expires_at
    assert expires_at is not None
    assert expires_at > timezone.now()


@pytest.mark.parametrize("role", ROLES)
def test_no_role_rewrites_roles(role: str) -> None:
    client = sign_in(role)
    group = Group.objects.get(name=role)
    before = set(group.permissions.values_list("pk", flat=True))
    # Not even where somebody gave the permission to a role by hand.
    group.permissions.add(*Permission.objects.filter(codename__in=["change_group", "add_group"]))
    everything = list(Permission.objects.values_list("pk", flat=True))
    body = {"name": role, "permissions": everything, "_save": "1"}
    change = reverse("admin:auth_group_change", args=[group.pk])
    assert client.post(change, body).status_code == 403
    assert client.post(reverse("admin:auth_group_add"), body | {"name": "x"}).status_code == 403
    group.permissions.remove(*Permission.objects.filter(content_type__model="group"))
    assert set(group.permissions.values_list("pk", flat=True)) <= before
    assert not Group.objects.filter(name="x").exists()


def test_an_admin_neither_makes_a_superuser_nor_hands_out_single_permissions() -> None:
    client = sign_in("admin")
    helper = User.objects.create_user("helper", is_staff=True)
    body = {
        "username": "helper",
        "is_active": "on",
        "is_staff": "on",
        "is_superuser": "on",
        "groups": [Group.objects.get(name="auditor").pk],
        "user_permissions": list(Permission.objects.values_list("pk", flat=True)),
        "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00",
    }
    url = reverse("admin:auth_user_change", args=[helper.pk])
    assert client.post(url, body).status_code == 302
    helper.refresh_from_db()
    assert not helper.is_superuser
    assert not helper.user_permissions.exists()
    assert [group.name for group in helper.groups.all()] == ["auditor"]
