"""Special traits (article 9): encrypted, apart from everything else, and gone with their keys."""

from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.models import RecentMessage
from profiles.lib import key_store
from profiles.models import (
    Event,
    Identifier,
    Profile,
    SourceRecord,
    SpecialTrait,
    TraitDefinition,
    TraitLock,
)
from profiles.services import all_traits_of, rectify, save_trait_definition, set_all_apart, unlock
from profiles.traits.explain import explain_traits
from profiles.traits.special import destroy_unused_keys
from tests.admin import sign_in
from tests.factories import TESTER, profile_of, send_messages
from tests.system.traces import tables_with
from tests.tries import tries

pytestmark = pytest.mark.django_db
SECRET = "zoroastrian-7f3a"
# Of the same statements: one never special, one always, one as staff have it.
ORDINARY, SPECIAL, CHANGING = KEYS = ("mood", "faith", "diet")


@pytest.fixture(autouse=True)
def keys_folder(tmp_path: Path, settings: Any) -> Path:
    settings.SPECIAL_KEYS_FOLDER = str(tmp_path / "keys")
    return tmp_path / "keys"


def state(value: Any, *keys: str, user: str = "ada", **message: Any) -> Profile:
    send_messages({"userId": user, "traits": dict.fromkeys(keys, value), **message})
    return profile_of(f"user_id:{user}")


def categorise(key: str, category: str) -> None:
    definition = TraitDefinition.objects.get(key=key)
    definition.category, definition.is_reviewed = category, True
    save_trait_definition(definition, actor=TESTER)


def test_a_special_trait_is_readable_in_no_table() -> None:
    profile = state(SECRET, "religion")
    rectify(profile.pk, {"health": f"{SECRET} too"}, actor=TESTER, reason="asked for")
    assert tables_with(SECRET) == {}
    profile.refresh_from_db()
    assert profile.traits == {}
    assert all_traits_of(profile.pk) == {"religion": SECRET, "health": f"{SECRET} too"}


def test_no_event_keeps_the_special_traits_that_a_sdk_sends_along() -> None:
    context = {"traits": {"religion": SECRET, "city": "Lyon"}}
    state(SECRET, "religion")
    send_messages({"type": "track", "event": "Seen", "userId": "ada", "context": context})
    assert tables_with(SECRET) == {}
    event = Event.objects.get(name__name="Seen")
    assert event.context == {"traits": {"city": "Lyon"}}


def test_what_becomes_special_leaves_all_tables_and_comes_back() -> None:
    profile = state(SECRET, "circle")
    rectify(profile.pk, {"club": SECRET}, actor=TESTER, reason="asked for")
    state(1.5, "club")
    RecentMessage.objects.all().delete()  # for staff to see, until others push them out
    for key in ("circle", "club"):
        categorise(key, "special")
    assert tables_with(SECRET) == {}
    assert all_traits_of(profile.pk) == {"circle": SECRET, "club": SECRET}
    for key in ("circle", "club"):
        categorise(key, "ordinary")
    profile.refresh_from_db()
    assert profile.traits == {"circle": SECRET, "club": SECRET}
    assert not SpecialTrait.objects.exists()
    unlock(profile.pk, ["club"], actor=TESTER, reason="asked for")
    assert all_traits_of(profile.pk)["club"] == 1.5


def test_another_spelling_of_a_special_trait_is_special_too() -> None:
    profile = state(SECRET, "inner_circle", "innerCircle")
    RecentMessage.objects.all().delete()
    categorise("innerCircle", "special")
    assert tables_with(SECRET) == {}
    assert all_traits_of(profile.pk) == {"inner_circle": SECRET, "innerCircle": SECRET}


def test_why_a_special_trait_has_its_value_is_explained_like_any_other() -> None:
    profile = state(SECRET, "religion")
    explained = explain_traits(profile)["religion"]
    assert explained.value == SECRET
    assert explained.winner is not None
    assert explained.winner.source == "shop"


def test_what_older_versions_stored_openly_is_set_apart_once() -> None:
    profile = state(SECRET, "circle")
    rectify(profile.pk, {"club": SECRET}, actor=TESTER, reason="asked for")
    state("x", "club")
    RecentMessage.objects.all().delete()
    TraitDefinition.objects.filter(key__in=["circle", "club"]).update(category="special")
    for _ in range(2):
        set_all_apart()
        assert tables_with(SECRET) == {}
        assert all_traits_of(profile.pk) == {"circle": SECRET, "club": SECRET}


def test_each_identifier_has_a_key_of_its_own_and_keeps_it_through_merges() -> None:
    ada = state("a", "religion", user="ada", timestamp="2026-01-01T00:00:00Z")
    eve = state("b", "religion", user="eve", timestamp="2026-01-02T00:00:00Z")
    assert len(set(key_store.identifiers_with_keys())) == 2
    send_messages({"type": "alias", "previousId": "ada", "userId": "eve"})
    merged = {profile.pk for profile in Profile.objects.all()}
    assert merged <= {ada.pk, eve.pk}
    for profile in Profile.objects.all():
        traits = all_traits_of(profile.pk)
        assert traits["religion"] in ("a", "b")


def test_without_its_key_a_value_is_gone_and_nothing_else_fails(keys_folder: Path) -> None:
    profile = state(SECRET, "religion", "city")
    key_store.destroy_keys(key_store.identifiers_with_keys())
    assert all_traits_of(profile.pk) == {"city": SECRET}
    assert set(explain_traits(profile)) == {"city"}
    state("again", "religion", timestamp="2090-01-01T00:00:00Z")
    assert all_traits_of(profile.pk) == {"religion": "again", "city": SECRET}


def test_a_sealed_value_fits_no_other_trait_and_no_other_identifier() -> None:
    profile = state(SECRET, "religion")
    state("none", "religion", user="eve")
    SpecialTrait.objects.filter(profile=profile).update(key="health")
    assert all_traits_of(profile.pk) == {}
    stolen = SpecialTrait.objects.get(profile=profile)
    other = SpecialTrait.objects.exclude(profile=profile).get()
    SpecialTrait.objects.filter(pk=other.pk, profile=other.profile_id).update(sealed=stolen.sealed)
    assert all_traits_of(other.profile_id) == {}


def test_keys_that_seal_nothing_any_more_are_deleted() -> None:
    profile = state(SECRET, "religion")
    state(SECRET, "religion", user="eve")
    SpecialTrait.objects.filter(profile=profile).delete()
    with transaction.atomic():
        assert destroy_unused_keys() == 1
        assert destroy_unused_keys() == 0
    assert set(key_store.identifiers_with_keys()) == set(
        Identifier.objects.filter(namespace="user_id", value="eve").values_list("pk", flat=True)
    )


def test_keys_are_readable_by_nobody_else(keys_folder: Path) -> None:
    state(SECRET, "religion")
    files = [path for path in keys_folder.rglob("*") if path.is_file()]
    assert [len(path.read_bytes()) for path in files] == [32]
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)


USERS = st.sampled_from(["ada", "eve", "bob"])
VALUES = st.one_of(st.none(), st.integers(-9, 9), st.text("ab", max_size=2), st.booleans())
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("state"), USERS, VALUES, st.integers(1, 28), st.sampled_from([1, 2])),
        st.tuples(st.just("correct"), USERS, VALUES),
        st.tuples(st.just("unlock"), USERS),
        st.tuples(st.just("join"), USERS, st.sampled_from(["phone-1", "phone-2"])),
        st.tuples(st.just("categorise"), st.sampled_from(["ordinary", "special"])),
    ),
    max_size=8,
)


def take(step: Any) -> None:
    match step:
        case ("state", user, value, day, trust):
            send_messages(
                {
                    "userId": user,
                    "traits": dict.fromkeys(KEYS, value),
                    "timestamp": f"2026-01-{day:02}T00:00:00Z",
                },
                trust=trust,
            )
        case ("correct", user, value):
            changes = dict.fromkeys(KEYS, value)
            rectify(profile_of(f"user_id:{user}").pk, changes, actor=TESTER, reason="asked for")
        case ("unlock", user):
            unlock(profile_of(f"user_id:{user}").pk, KEYS, actor=TESTER, reason="asked for")
        case ("join", user, device):
            send_messages({"userId": user, "anonymousId": device})
        case ("categorise", category):
            categorise(CHANGING, category)


@settings(max_examples=tries(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_a_special_trait_has_the_value_that_an_ordinary_one_would_have(steps: Any) -> None:
    with transaction.atomic():
        for user in ("ada", "eve", "bob"):
            state("first", *KEYS, user=user, timestamp="2026-01-10T00:00:00Z")
        for step in steps:
            take(step)
        for profile in Profile.objects.all():
            ordinary = profile.traits.get(ORDINARY)
            traits = all_traits_of(profile.pk)
            assert [traits.get(key) for key in KEYS] == [ordinary] * 3
            assert SPECIAL not in profile.traits
        is_special = TraitDefinition.objects.get(key=CHANGING).category == "special"
        for key, is_apart in ((ORDINARY, False), (SPECIAL, True), (CHANGING, is_special)):
            assert SourceRecord.objects.filter(traits__has_key=key).exists() != is_apart
            assert SpecialTrait.objects.filter(key=key).exists() == is_apart
            assert not TraitLock.objects.filter(key=key, sealed__isnull=is_apart).exists()
        transaction.set_rollback(True)


def test_staff_see_which_data_are_special_and_their_value_if_they_see_contacts() -> None:
    profile = state(SECRET, "religion")
    page = reverse("admin:profiles_profile_change", args=[profile.pk])
    shown = sign_in("privacy officer").get(page).content.decode()
    assert SECRET in shown
    assert "encrypted, and in no segment" in shown
    assert SECRET not in sign_in("marketer").get(page).content.decode()
