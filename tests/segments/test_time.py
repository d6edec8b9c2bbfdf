"""Each kind of time leaf: refresh_due finds who changes at the instant that `why` foretells."""

from datetime import UTC, datetime, timedelta

import pytest
from pytest_django.fixtures import DjangoAssertNumQueries

from config.runtime.alarm import LONGEST_SLEEP, PATIENCE, ring_if_due
from profiles.lib.change_queue import mark_changed
from profiles.lib.checkpoints import handled
from profiles.lib.database import database_now
from profiles.models import Profile
from segments.lib import checkpoints
from segments.models import MembershipChange, Wakeup
from segments.services import (
    refresh_changed,
    refresh_due,
    refresh_woken,
    verify_memberships,
    why,
)
from tests.factories import NOW
from tests.oracles.segments import NaiveEvent, NaivePerson
from tests.segments.evaluations import build_segment, members_of, negation, orders, trait
from tests.segments.worlds import make_purpose, order, store_person

pytestmark = pytest.mark.django_db
MICROSECOND = timedelta(microseconds=1)
BORN_WHERE = {"type": "property", "key": "until", "operator": "in_last", "value": {"days": 3}}
MIDNIGHT = datetime(2026, 3, 15, 23, 0, tzinfo=UTC)

# A definition, a person, and when their membership changes: they leave, or only then enter.
FLIPS = {
    "an event leaves a window of days": (
        orders(window={"last": {"days": 7}}),
        NaivePerson(events=[order(6)]),
        NOW + timedelta(days=1),
    ),
    "an event leaves a window of months": (
        orders(window={"last": {"months": 1}}),
        NaivePerson(
            events=[NaiveEvent("Order Completed", datetime(2026, 2, 28, 9, 0, tzinfo=UTC))]
        ),
        datetime(2026, 3, 28, 9, 0, tzinfo=UTC),
    ),
    "one of two events leaves, and who had too many is in": (
        orders("lte", 1, window={"last": {"days": 7}}),
        NaivePerson(events=[order(6), order(1)]),
        NOW + timedelta(days=1),
    ),
    "the last event becomes too old": (
        orders("in_last", {"days": 2}, aggregate="last_at"),
        NaivePerson(events=[order(5), order(1)]),
        NOW + timedelta(days=1),
    ),
    "the silence becomes long enough": (
        negation(orders("in_last", {"weeks": 1}, aggregate="last_at")),
        NaivePerson(events=[order(1)]),
        NOW + timedelta(days=6),
    ),
    "an event dated in the future comes": (
        orders(),
        NaivePerson(events=[order(-3)]),
        NOW + timedelta(days=3),
    ),
    "the second of two events dated in the future comes": (
        orders("gte", 2),
        NaivePerson(events=[order(-3), order(-4)]),
        NOW + timedelta(days=4),
    ),
    "a trait's date becomes too old": (
        trait("signed_up", "in_last", {"days": 30}),
        NaivePerson(traits={"signed_up": "2026-02-14T12:00:00Z"}),
        NOW + timedelta(days=1),
    ),
    "a trait's date comes": (
        trait("starts", "in_last", {"days": 30}),
        NaivePerson(traits={"starts": "2026-03-16"}),
        MIDNIGHT,
    ),
    "a birthday brings somebody in": (
        trait("born", "age_between", [18, 30]),
        NaivePerson(traits={"born": "2008-03-16"}),
        MIDNIGHT,
    ),
    "a birthday takes somebody out": (
        trait("born", "age_between", [30, 40]),
        NaivePerson(traits={"born": "1985-03-16"}),
        MIDNIGHT,
    ),
    "a consent expires": (
        {"type": "consent", "purpose": "newsletter", "permitted": True},
        NaivePerson(consents={"newsletter": NOW + timedelta(days=2)}),
        NOW + timedelta(days=2),
    ),
    "a date inside an event becomes too old": (
        orders(where=BORN_WHERE),
        NaivePerson(events=[order(20, until="2026-03-13T12:00:00Z")]),
        NOW + timedelta(days=1),
    ),
}


@pytest.mark.parametrize("name", FLIPS)
def test_time_alone_flips_a_membership_at_its_instant(name: str) -> None:
    definition, person, instant = FLIPS[name]
    make_purpose()
    profile_id = store_person(person)
    segment = build_segment(definition)
    before = members_of()
    assert why(segment, Profile.objects.get(pk=profile_id), at=NOW).flips_at == instant
    refresh_due(now=instant - MICROSECOND)
    assert members_of() == before
    refresh_due(now=instant)
    assert members_of() == {profile_id} - before
    assert verify_memberships(now=instant) == {"kept": 0}
    (change,) = MembershipChange.objects.filter(reason="time")
    assert (change.has_entered, change.changed_at) == (not before, instant)


@pytest.mark.parametrize("name", FLIPS)
def test_a_flip_is_found_through_the_segment_that_another_leans_on(name: str) -> None:
    definition, person, instant = FLIPS[name]
    make_purpose()
    profile_id = store_person(person)
    build_segment(definition, key="base")
    build_segment(negation({"type": "segment", "key": "base"}))
    before = members_of()
    refresh_due(now=instant)
    assert members_of() == {profile_id} - before


def test_only_those_who_may_flip_are_evaluated() -> None:
    for days in (1, 3, 6, 20):
        store_person(NaivePerson(events=[order(days)]))
    build_segment(orders(window={"last": {"days": 7}}))
    assert refresh_due(now=NOW + timedelta(days=1)) == 1
    assert refresh_due(now=NOW + timedelta(days=1)) == 0


def test_the_clock_never_runs_back() -> None:
    profile_id = store_person(NaivePerson(events=[order(6)]))
    segment = build_segment(orders(window={"last": {"days": 7}}))
    refresh_due(now=NOW + timedelta(days=2))
    assert members_of() == set()
    refresh_due(now=NOW)
    segment.refresh_from_db()
    assert segment.evaluated_at == NOW + timedelta(days=2)
    assert profile_id not in members_of()


def test_a_wake_up_is_not_lost_when_its_worker_dies() -> None:
    store_person(NaivePerson(events=[order(6)]))
    build_segment(orders(window={"last": {"days": 7}}))
    instant = NOW + timedelta(days=1)

    def die(_: object) -> None:
        raise KeyboardInterrupt

    with handled(checkpoints.CLAIMED, die), pytest.raises(KeyboardInterrupt):
        refresh_due(now=instant)
    assert Wakeup.objects.filter(due_at__lte=instant).count() == 1
    refresh_due(now=instant)
    assert members_of() == set()


def test_why_gives_no_instant_where_time_alone_changes_nothing() -> None:
    profile_id = store_person(NaivePerson(traits={"a": 1}, events=[order(1)]))
    segment = build_segment({"type": "and", "children": [orders(), trait("a", "equals", 1)]})
    explanation = why(segment, Profile.objects.get(pk=profile_id), at=NOW)
    assert (explanation.is_member, explanation.flips_at) == (True, None)


def test_why_skips_the_instants_at_which_only_a_leaf_changes() -> None:
    profile_id = store_person(NaivePerson(events=[order(6), order(5), order(1)]))
    segment = build_segment(orders("gte", 1, window={"last": {"days": 7}}))
    explanation = why(segment, Profile.objects.get(pk=profile_id), at=NOW)
    assert explanation.flips_at == NOW + timedelta(days=6)


def test_why_tells_the_truth_of_every_node_with_its_evidence() -> None:
    profile_id = store_person(NaivePerson(traits={"city": "Lyon"}, events=[order(1), order(2)]))
    children = [trait("city", "equals", "Paris"), orders("gte", 2), negation({"type": "everyone"})]
    segment = build_segment({"type": "or", "children": children})
    tree = why(segment, Profile.objects.get(pk=profile_id), at=NOW).tree
    assert tree["holds"] is True
    assert tree["evidence"] == {"holding": 1, "of": 3}
    city, count, nobody = tree["children"]
    assert (city["holds"], city["evidence"]) == (False, {"value": "Lyon"})
    assert (count["holds"], count["evidence"]) == (True, {"count": "2"})
    assert nobody["child"]["holds"] is True


@pytest.mark.parametrize("name", FLIPS)
def test_a_look_ahead_queues_the_flip_for_its_instant(name: str) -> None:
    definition, person, instant = FLIPS[name]
    make_purpose()
    profile_id = store_person(person)
    build_segment(definition)
    before = members_of()
    refresh_due(now=instant - timedelta(seconds=100))
    assert Wakeup.objects.filter(profile_id=profile_id, due_at=instant).exists()
    assert refresh_woken(now=instant - MICROSECOND) == 0
    # Nobody looks at all profiles here: the wake-up alone brings the flip.
    assert refresh_woken(now=instant) == 1
    assert members_of() == {profile_id} - before


@pytest.mark.parametrize("name", [name for name in FLIPS if "comes" not in name])
def test_a_change_between_two_looks_is_queued_for_its_instant(name: str) -> None:
    definition, person, instant = FLIPS[name]
    make_purpose()
    build_segment(definition)
    refresh_due(now=instant - timedelta(seconds=50))
    profile_id = store_person(person)
    mark_changed([profile_id])
    refresh_changed(now=instant - timedelta(seconds=40))
    before = members_of()
    assert refresh_woken(now=instant) == 1
    assert members_of() == {profile_id} - before
    assert verify_memberships(now=instant) == {"kept": 0}


def test_the_alarm_wakes_a_worker_with_one_query_and_sleeps_until_the_next_instant(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(1):
        assert ring_if_due() == LONGEST_SLEEP
    now = database_now()
    Wakeup.objects.create(profile_id=1, due_at=now + timedelta(seconds=LONGEST_SLEEP * 0.8))
    with django_assert_num_queries(1):
        assert 0 < ring_if_due() < LONGEST_SLEEP * 0.8
    Wakeup.objects.update(due_at=now)
    with django_assert_num_queries(1):
        assert ring_if_due() == PATIENCE


def test_a_wake_up_survives_the_death_of_everybody_who_waits_for_it() -> None:
    profile_id = store_person(NaivePerson(events=[order(6)]))
    build_segment(orders(window={"last": {"days": 7}}))
    instant = NOW + timedelta(days=1)
    refresh_due(now=instant - timedelta(seconds=60))
    # The clock of the segment has not passed the instant, so that the next look finds it too.
    Wakeup.objects.all().delete()
    assert members_of() == {profile_id}
    refresh_due(now=instant + timedelta(hours=1))
    assert members_of() == set()
