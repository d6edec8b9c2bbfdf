"""The filters of the list of profiles, and those that are refused."""

from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from profiles.models import TrustLevel
from tests.factories import (
    NOW,
    make_profile,
    profile_of,
    send_messages,
)
from tests.profiles.callers import ids, join_segment

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("query", "traits"),
    [
        ("?trait.country=FR", {"country": "FR"}),
        ("?trait.size=43", {"size": 43}),
        ("?trait.size=43", {"size": "43"}),
        ("?trait.size=43.50", {"size": 43.5}),
        ("?trait.is_member=true", {"is_member": True}),
        ("?trait.is_member=true", {"is_member": "true"}),
        ("?trait.country=FR&trait.size=43", {"country": "FR", "size": 43}),
        ("?trait.a.b=%22x%22", {"a.b": '"x"'}),
    ],
)
def test_a_trait_finds_text_numbers_and_booleans(
    reader: APIClient, query: str, traits: dict[str, object]
) -> None:
    profile = make_profile(traits=traits)
    make_profile(traits={"country": "DE", "size": 44, "is_member": False, "a.b": "x"})
    make_profile()
    assert ids(reader, query) == {str(profile.uuid)}


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e999999", "null", "{}", "[1", "٣"])
def test_a_trait_is_compared_as_text_where_it_spells_no_number(
    reader: APIClient, text: str
) -> None:
    profile = make_profile(traits={"key": text})
    make_profile(traits={"key": 1})
    assert ids(reader, f"?trait.key={text}") == {str(profile.uuid)}


@pytest.mark.parametrize("key", ["email", "phone"])
def test_addresses_are_no_filters_since_urls_are_logged(reader: APIClient, key: str) -> None:
    response = reader.get(f"/api/v1/profiles/?trait.{key}=x")
    assert response.status_code == 400
    assert response.json()["errors"][0]["code"] == "contact_trait"


@pytest.mark.parametrize(
    "query",
    [
        "?trait_country=FR",
        "?segmnet=vip",
        "?seen_after=yesterday",
        "?status=erased",
        "?cursor=nonsense",
        "?cursor=W3RydWUsIFsxLCAyXV0=",
        "?trait.x=%00",
        "?trait.%00=x",
        "?segment=%00",
    ],
)
def test_a_filter_that_is_misspelt_is_refused_and_does_not_return_everybody(
    reader: APIClient, query: str
) -> None:
    response = reader.get(f"/api/v1/profiles/{query}")
    assert response.status_code == 400, response.json()
    assert response.json()["errors"]


def test_profiles_are_filtered_by_segment(reader: APIClient) -> None:
    member = make_profile()
    join_segment(member, "vip")
    join_segment(make_profile(), "other")
    assert ids(reader, "?segment=vip") == {str(member.uuid)}
    assert ids(reader, "?segment=unknown") == set()


def test_profiles_are_filtered_by_the_sources_that_named_them(reader: APIClient) -> None:
    send_messages({"userId": "u1"}, source="shop")
    send_messages({"userId": "u2"}, {"userId": "u1"}, source="crm")
    first, second = str(profile_of("user_id:u1").uuid), str(profile_of("user_id:u2").uuid)
    assert ids(reader, "?source=shop") == {first}
    assert ids(reader, "?source=crm") == {first, second}
    assert ids(reader, "?source=shop&source=shop") == {first}


def test_a_source_whose_claim_was_refused_has_not_named_the_person(reader: APIClient) -> None:
    send_messages({"userId": "u1", "traits": {"email": "ada@example.org"}}, source="shop")
    send_messages(
        {"anonymousId": "a1", "userId": "u2", "traits": {"email": "ada@example.org"}},
        source="web",
        trust=TrustLevel.CLAIM,
    )
    assert str(profile_of("user_id:u1").uuid) not in ids(reader, "?source=web")


def test_profiles_are_filtered_by_when_they_were_last_seen(reader: APIClient) -> None:
    old = make_profile(last_seen_at=NOW - timedelta(days=10))
    new = make_profile(last_seen_at=NOW)
    assert ids(reader, "?seen_after=2026-03-15T12:00:00Z") == {str(new.uuid)}
    assert ids(reader, "?seen_before=2026-03-15T12:00:00Z") == {str(old.uuid)}
