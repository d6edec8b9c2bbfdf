"""Each kind of time leaf: refresh_due finds who changes at the instant that `why` foretells."""

from datetime import timedelta
from typing import Any

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
    rebuild,
    refresh_changed,
    refresh_due,
    refresh_woken,
    update_segment,
    verify_memberships,
    why,
)
from tests.factories import NOW, TESTER
from tests.oracles.segment_worlds import NaivePerson
from tests.segments.evaluations import build_segment, members_of, negation, orders, trait
from tests.segments.flips import FLIPS
from tests.segments.worlds import make_purpose, order, source_of, store_person

pytestmark = pytest.mark.django_db
MICROSECOND = timedelta(microseconds=1)


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


def test_who_entered_a_segment_lately_leaves_in_time_and_enters_anew_with_it() -> None:
    profile_id = store_person(NaivePerson(traits={"a": 1}))
    build_segment(trait("a", "equals", 1), key="base")
    fresh = {"type": "segment", "key": "base", "entered_within": {"days": 7}}
    segment = build_segment(fresh)
    instant = NOW + timedelta(days=7)
    profile = Profile.objects.get(pk=profile_id)
    assert why(segment, profile, at=NOW).flips_at == instant
    refresh_woken(now=instant - MICROSECOND)
    assert members_of() == {profile_id}
    assert refresh_woken(now=instant) == 1
    assert (members_of(), members_of("base")) == (set(), {profile_id})
    for value, moment in ((2, instant), (1, instant + timedelta(days=1))):
        Profile.objects.filter(pk=profile_id).update(traits={"a": value})
        mark_changed([profile_id])
        refresh_changed(now=moment)
    assert members_of() == {profile_id}
    assert set(verify_memberships(now=moment).values()) == {0}
    assert refresh_woken(now=moment + timedelta(days=7)) == 1
    assert members_of() == set()


def test_who_enters_by_a_new_definition_is_recent_from_then_on() -> None:
    profile_id = store_person(NaivePerson(traits={"a": 1}))
    base = build_segment(trait("a", "equals", 2), key="base")
    build_segment({"type": "segment", "key": "base", "entered_within": {"days": 7}})
    update_segment(base, actor=TESTER, changes={"definition": trait("a", "equals", 1)})
    moment = NOW + timedelta(days=1)
    rebuild(["base"], now=moment)
    assert members_of() == members_of("base") == {profile_id}
    assert refresh_woken(now=moment + timedelta(days=7)) == 1
    assert members_of() == set()


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


STEPS = [{"name": "Order Completed"}, {"name": "Order Completed", "within": {"days": 2}}]
EVIDENCE = [
    (orders("gte", 1, aggregate="avg", property="revenue"), {"avg": "2.5"}),
    (orders("gte", 3, aggregate="last", property="revenue"), {"last": "3"}),
    (orders("gte", 1, aggregate="distinct", property="revenue"), {"distinct": "2"}),
    (orders("equals", 2, aggregate="most_frequent", property="revenue"), {"most_frequent": "2"}),
    (orders("equals", 1, aggregate="days_between"), {"days_between": "1"}),
    ({"type": "sequence", "steps": STEPS}, {"steps": "2", "of": 2}),
    (
        {"type": "regular", "name": "Order Completed", "period": "day", "at_least": 1, "of": 7},
        {"periods": "2"},
    ),
    (
        {"type": "identifier", "namespace": "email", "operator": "exists"},
        {"identifiers": "1"},
    ),
    ({"type": "geo", "key": "home", "within_km": 1, "of": [45, 5]}, {"km": "0"}),
    ({"type": "source", "key": "shop"}, {"last_at": "2026-03-14 12:00:00+00"}),
]


@pytest.mark.parametrize(("definition", "evidence"), EVIDENCE)
def test_why_gives_what_each_leaf_counts_or_measures(
    definition: dict[str, Any], evidence: dict[str, Any]
) -> None:
    person = NaivePerson(
        traits={"home": {"lat": 45, "lon": 5}},
        identifiers={"email": ["ada@example.org"]},
        events=[order(1, revenue=3), order(2, revenue=2)],
    )
    profile_id = store_person(person)
    tree = why(build_segment(definition), Profile.objects.get(pk=profile_id), at=NOW).tree
    assert (tree["holds"], tree["evidence"]) == (True, evidence)


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
    source_of("shop")
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
