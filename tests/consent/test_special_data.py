"""Special data (article 9) and people's rights: shown to them alone, and gone for good."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from consent.services import (
    NewRequest,
    act_on_requests,
    apply_retention,
    open_request,
)
from profiles.lib import key_store
from profiles.models import SpecialTrait, TraitDefinition, TraitLock
from profiles.services import all_traits_of, rectify
from tests.consent.callers import BASE, customer, read_archive, service
from tests.consent.retention_rules import make_rule
from tests.consent.test_archives import url_of_new
from tests.factories import NOW, TESTER, make_purpose, profile_of, send_messages

pytestmark = pytest.mark.django_db
ADA = "email:ada@example.org"
OnCommit = Callable[..., AbstractContextManager[Any]]


@pytest.fixture(autouse=True)
def keys_folder(tmp_path: Path, settings: Any) -> None:
    settings.SPECIAL_KEYS_FOLDER = str(tmp_path / "keys")


def tell_of(user: str, **traits: Any) -> None:
    email = f"{user}@example.org"
    send_messages({"userId": user, "traits": {"email": email, "religion": "none", **traits}})


def erase(reference: str) -> None:
    new_request = NewRequest(kind="erasure", references=[reference], reason="asked for")
    open_request(new_request, door="service", actor=TESTER)
    act_on_requests()


def test_an_erasure_deletes_the_keys_and_nobody_else_s(
    django_capture_on_commit_callbacks: OnCommit,
) -> None:
    tell_of("ada", health="good")
    tell_of("eve")
    rectify(profile_of(ADA).pk, {"religion": "other"}, actor=TESTER, reason="asked for")
    eve = profile_of("user_id:eve")
    with django_capture_on_commit_callbacks(execute=True):
        erase(ADA)
    kept = set(eve.identifiers.values_list("pk", flat=True))
    assert set(SpecialTrait.objects.values_list("identifier_id", flat=True)) <= kept
    assert not TraitLock.objects.exists()
    assert set(key_store.identifiers_with_keys()) <= kept
    assert all_traits_of(eve.pk)["religion"] == "none"


def test_the_archive_shows_special_data_with_its_source_and_what_is_portable_of_it() -> None:
    tell_of("ada")
    rectify(profile_of(ADA).pk, {"health": "good"}, actor=TESTER, reason="asked for")
    TraitDefinition.objects.filter(key="religion").update(origin="given")
    client = service("privacy:act")
    for kind in ("access", "portability"):
        url = url_of_new(kind, client, identifiers=[ADA])
        act_on_requests()
        files = read_archive(client.get(url).content)
        profile = files["data.json" if kind == "access" else "portability.json"]["profiles"][0]
        (stated,) = profile["sections"]["What sources say of special kinds"]
        assert stated["source"] == "shop"
        assert stated["traits"]["religion"]["value"] == "none"
        (corrected,) = profile["sections"]["Corrections"]
        assert corrected["value"] == "good"
        assert (kind == "access") == ("traits" in profile)


def test_customers_see_and_correct_their_special_data() -> None:
    tell_of("ada")
    client = customer("ada@example.org")
    shown = client.get(f"{BASE}/privacy/me/").json()
    assert "none" in json.dumps(shown)
    assert shown["traits"]["religion"] == "none"


def test_special_data_are_in_no_look_up_and_no_list() -> None:
    tell_of("ada", city="Lyon")
    client = service("profiles:read")
    found = client.post(f"{BASE}/profiles/lookup/", {"identifiers": [ADA]}, format="json").json()
    listed = client.get(f"{BASE}/profiles/").json()
    for answer in (found, listed):
        assert "Lyon" in json.dumps(answer)
        assert "religion" not in json.dumps(answer)
    profile = profile_of(ADA)
    traits = client.get(f"{BASE}/profiles/{profile.uuid}/traits/").json()["results"]
    assert {trait["key"]: trait["value"] for trait in traits}["religion"] == "none"


def test_special_data_are_deleted_when_their_time_is_over() -> None:
    old = (NOW - timedelta(days=100)).isoformat()
    send_messages({"userId": "ada", "traits": {"health": "good"}, "timestamp": old})
    send_messages({"userId": "ada", "traits": {"religion": "none"}, "timestamp": NOW.isoformat()})
    make_rule(make_purpose("care", legal_basis="contract"), "P30D", unit="special")
    assert apply_retention(now=NOW) == {"traits special": 1}
    assert all_traits_of(profile_of("user_id:ada").pk) == {"religion": "none"}
