"""What a person takes elsewhere, brought in again: into an empty store, and into another one."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from consent.models import ConsentEvent, State
from consent.services import act_on_requests, current_states
from profiles.lib.database import database_now
from profiles.models import Event, Identifier, IdentityFact, Profile, TraitDefinition, TrustLevel
from tests.consent.callers import service
from tests.factories import make_profile, make_purpose, make_source, profile_of, send_messages
from tests.tries import tries

pytestmark = pytest.mark.django_db
NAMES = st.sampled_from(
    [{"userId": "u1"}, {"anonymousId": "a-1"}, {"userId": "u1", "anonymousId": "a-2"}]
)
CITIES = st.sampled_from(["Lyon", "=1+1", "Köln", "Paris"])
STATEMENTS = st.builds(
    lambda name, city, day: {
        **name,
        "traits": {"city": city},
        "timestamp": f"2026-03-{day:02}T10:00:00Z",
    },
    NAMES,
    CITIES,
    st.integers(1, 28),
)
ORDERS = st.builds(
    lambda name, cents, day: {
        **name,
        "type": "track",
        "event": "Order Completed",
        "properties": {"revenue": cents / 100},
        "timestamp": f"2026-04-{day:02}T10:00:00Z",
    },
    NAMES,
    st.integers(0, 10_000_000),
    st.integers(1, 28),
)
LIVES = st.lists(st.one_of(STATEMENTS, ORDERS), min_size=1, max_size=12)
FIRST = {
    "userId": "u1",
    "anonymousId": "a-1",
    "traits": {"email": "ada@example.org", "age": 36},
    "timestamp": "2026-02-01T10:00:00Z",
    "context": {
        "externalIds": [
            {"type": "loyalty_card", "id": "77", "collection": "users", "encoding": "none"}
        ]
    },
}


def archive_of(reference: str) -> bytes:
    """The archive that a service fetches for its customer."""
    client: APIClient = service("privacy:act")
    body = {"kind": "portability", "identifiers": [reference], "reason": "asked"}
    address = (
        f"/api/v1/privacy/requests/{client.post('/api/v1/privacy/requests/', body).json()['id']}/"
    )
    act_on_requests()
    return client.get(f"{address}archive/").content


def content_of(profile: Profile) -> dict[str, Any]:
    """What must be the same in another store: identifiers, portable traits and events."""
    events = Event.objects.filter(profile=profile).values_list(
        "name__kind", "name__name", "timestamp", "properties"
    )
    return {
        "identifiers": sorted(
            profile.identifiers.exclude(namespace="profile").values_list("namespace", "value")
        ),
        "traits": {key: profile.traits[key] for key in profile.traits if key != "score"},
        "events": sorted(events, key=str),
    }


def write(path: Path, content: Any) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


@settings(
    max_examples=tries(15),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(LIVES)
def test_an_empty_store_is_rebuilt_from_the_file(
    tmp_path: Path, life: list[dict[str, Any]]
) -> None:
    with transaction.atomic():
        with transaction.atomic():
            send_messages(FIRST, *life)
            TraitDefinition.objects.filter(key__in=["city", "age"]).update(origin="given")
            before = content_of(profile_of("user_id:u1"))
            path = write(tmp_path / "copy.zip", archive_of("user_id:u1"))
            transaction.set_rollback(True)
        assert not Profile.objects.exists()
        make_source(key="former")
        for _ in range(2):
            call_command("import_portability", str(path), source="former")
            assert content_of(profile_of("user_id:u1")) == before
        assert set(IdentityFact.objects.values_list("trust", flat=True)) == {TrustLevel.SERVER}
        transaction.set_rollback(True)


def test_in_a_store_with_people_the_file_is_a_claim(tmp_path: Path, capsys: Any) -> None:
    send_messages(FIRST)
    path = write(tmp_path / "copy.zip", archive_of("user_id:u1"))
    Identifier.objects.filter(namespace="user_id").update(value="u2")
    call_command("import_portability", str(path), source="shop")
    assert "Trust: claim." in capsys.readouterr().out
    assert not Identifier.objects.get(namespace="user_id", value="u1").is_vouched


def test_an_edited_file_is_a_claim_even_in_an_empty_store(tmp_path: Path) -> None:
    with transaction.atomic():
        send_messages(FIRST)
        archive = archive_of("user_id:u1")
        transaction.set_rollback(True)
    edited = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(edited, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "portability.json":
                content = content.replace(b"ada@example.org", b"eve@example.org")
            new.writestr(name, content)
    make_source(key="former")
    path = write(tmp_path / "copy.zip", edited.getvalue())
    call_command("import_portability", str(path), source="former")
    assert set(IdentityFact.objects.values_list("trust", flat=True)) == {TrustLevel.CLAIM}
    assert not Identifier.objects.get(namespace="email").is_vouched


def test_a_file_permits_nothing_and_refuses_what_it_says(tmp_path: Path) -> None:
    make_purpose("newsletter")
    make_purpose("offers")
    at = "2026-03-15T10:00:00Z"
    sections = {
        "Identifiers": [{"namespace": "user_id", "value": "u1"}],
        "Consent history": [
            {"kind": "consent", "purpose": "newsletter", "state": "given", "occurred_at": at},
            {"kind": "consent", "purpose": "offers", "state": "withdrawn", "occurred_at": at},
        ],
    }
    make_source(key="former")
    path = write(tmp_path / "copy.json", {"profiles": [{"sections": sections}]})
    call_command("import_portability", str(path), source="former")
    profile = profile_of("user_id:u1")
    states = current_states([profile.pk], at=database_now())[profile.pk]
    assert {key: each["state"] for key, each in states.items()} == {
        "newsletter": State.UNKNOWN,
        "offers": State.WITHDRAWN,
    }
    assert ConsentEvent.objects.count() == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not json", "valid JSON"),
        ({}, "profiles"),
        ({"profiles": [{"sections": {"Events": [{"id": "1"}]}}]}, "profiles[0].sections.Events[0]"),
        ({"profiles": [{"sections": {"Identifiers": [{"namespace": 1}]}}]}, "Identifiers[0]"),
        (b"PK\x03\x04 broken", "JSON"),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_place(
    tmp_path: Path, content: Any, words: str
) -> None:
    make_source(key="former")
    path = write(tmp_path / "copy.json", content)
    with pytest.raises(CommandError, match=r".") as refused:
        call_command("import_portability", str(path), source="former")
    assert words in str(refused.value)
    assert not Profile.objects.exists()


def test_an_archive_without_the_file_is_refused(tmp_path: Path) -> None:
    make_source(key="former")
    make_profile("user_id:9")
    with zipfile.ZipFile(tmp_path / "copy.zip", "w") as archive:
        archive.writestr("data.json", "{}")
    with pytest.raises(CommandError, match=r"portability\.json"):
        call_command("import_portability", str(tmp_path / "copy.zip"), source="former")
