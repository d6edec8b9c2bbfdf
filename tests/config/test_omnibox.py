"""The search on top of every page: what it finds, for whom, and that it keeps nothing."""

from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from profiles.models import AuditEntry, Profile
from profiles.search import sql
from segments.services import create_segment
from tests.admin import make_world, sign_in
from tests.factories import TESTER, make_profile

pytestmark = pytest.mark.django_db


def make_person(number: int, **traits: Any) -> Profile:
    profile = make_profile(f"user_id:found-{number}")
    Profile.objects.filter(pk=profile.pk).update(traits=traits)
    return profile


@pytest.fixture
def ada() -> Profile:
    make_person(1, first_name="Grace", last_name="Hopper", email="grace@navy.example")
    return make_person(
        2,
        first_name="Augusta",
        last_name="Lovelace",
        email="ada@example.org",
        phone="+33639980123",
        city="Lyon",
    )


def titles(text: str, role: str = "") -> list[str]:
    page = sign_in(role).post(reverse("omnibox"), {"s": text})
    assert page.status_code == 200
    return [hit.title for hit in page.context["hits"]]


@pytest.mark.parametrize(
    "text",
    [
        "lovel",
        "LOVELACE",
        "augusta love",
        "love augu",
        "Lovelase",  # a typo
        "Agusta",
        "ada@exam",
        "80123",
        "06 39 98 01 23",
        "39.98.01",
    ],
)
def test_people_are_found_by_what_staff_remember(ada: Profile, text: str) -> None:
    assert "Augusta Lovelace · Lyon" in titles(text)


@pytest.mark.parametrize("text", ["lo", "%", "___", "hopper love", "\\", "\x00", "99", "x" * 500])
def test_other_texts_find_nobody(ada: Profile, text: str) -> None:
    assert "Augusta Lovelace · Lyon" not in titles(text)


def test_who_may_not_see_names_finds_no_people(ada: Profile) -> None:
    assert titles("lovelace", "marketer") == []
    assert titles("ada@example.org", "marketer") == []


def test_restricted_people_are_not_found(ada: Profile) -> None:
    Profile.objects.filter(pk=ada.pk).update(is_restricted=True)
    assert titles("lovelace") == []


def test_segments_pages_requests_and_actions_are_found_by_whoever_may_open_them() -> None:
    make_world()
    create_segment(key="vip", name="Best customers", definition={"type": "everyone"}, actor=TESTER)
    assert "Best customers" in titles("best cust", "marketer")
    assert "New segment" in titles("new seg", "marketer")
    assert titles("api keys", "marketer") == []
    assert "API keys" in titles("api keys")
    assert any(title.startswith("access") for title in titles("access"))


def test_a_search_is_in_no_address_and_the_audit_has_its_number_only(ada: Profile) -> None:
    client = sign_in()
    assert client.get(reverse("omnibox"), {"s": "lovelace"}).status_code == 405
    client.post(reverse("omnibox"), {"s": "lovelace"})
    entry = AuditEntry.objects.get(verb="search.made")
    assert "lovelace" not in str(entry.changes).lower()
    assert sign_in("auditor").post(reverse("omnibox"), {"s": "home"}).status_code == 200
    page = client.get(reverse("admin:index")).content.decode()
    assert f'hx-post="{reverse("omnibox")}"' in page


def test_the_index_answers_and_keeps_no_samples_of_names(ada: Profile) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for statement, values in (
            (sql.WITH_PARTS, {"longest": "%lovelace%", "others": [], "most": 6}),
            (sql.WITH_WORDS_LIKE, {"text": "lovelase", "most": 6}),
        ):
            cursor.execute(f"EXPLAIN {statement}", values)
            assert "profile_search" in str(cursor.fetchall())
        cursor.execute(
            "SELECT attstattarget FROM pg_attribute WHERE attrelid = 'profile_search'::regclass"
        )
        assert cursor.fetchall() == [(0,)]
        cursor.execute("ANALYZE profiles_profile")
        cursor.execute("SELECT count(*) FROM pg_stats WHERE tablename = 'profile_search'")
        assert cursor.fetchone() == (0,)
