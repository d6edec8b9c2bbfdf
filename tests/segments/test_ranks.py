"""Ranks: the boundary is stored, stays until it is computed anew, and is told."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command

from profiles.lib.change_queue import mark_changed
from profiles.models import Profile
from segments.models import Membership, MembershipChange, Segment
from segments.services import (
    preview,
    recompute,
    refresh_changed,
    refresh_due,
    resume_rebuilds,
    update_segment,
    verify_memberships,
    why,
)
from tests.factories import NOW, TESTER, make_client
from tests.oracles.segment_worlds import NaivePerson
from tests.segments.evaluations import build_segment, erase, members_of
from tests.segments.worlds import add_events, order, store_people, store_person

pytestmark = pytest.mark.django_db
TOP = {
    "type": "rank",
    "name": "Order Completed",
    "aggregate": "sum",
    "property": "revenue",
    "top": 20,
    "window": {"last": {"days": 365}},
}


def spenders(*revenues: int) -> list[int]:
    return list(store_people([NaivePerson(events=[order(5, revenue=each)]) for each in revenues]))


def buy(profile_id: int, revenue: int) -> None:
    add_events(profile_id, [order(1, revenue=revenue)])
    mark_changed([profile_id])
    refresh_changed(now=NOW)


def boundary() -> Any:
    (row,) = Segment.objects.get(key="kept").boundaries
    return row["boundary"]


def test_the_boundary_stays_until_it_is_computed_anew() -> None:
    low, *_, high = spenders(10, 20, 30, 40, 50)
    build_segment(TOP)
    assert (boundary(), members_of()) == (50, {high})
    buy(low, 90)
    # The top fifth of five is one person, but the boundary is that of before.
    assert (boundary(), members_of()) == (50, {low, high})
    assert verify_memberships(now=NOW) == {"kept": 0}
    recompute(Segment.objects.get(key="kept"), now=NOW)
    assert (boundary(), members_of()) == (100, {low})
    change = MembershipChange.objects.latest("changed_at", "id")
    assert (change.profile_id, change.reason) == (high, "recompute")


def test_it_is_computed_anew_at_the_hour_and_with_a_new_version_only() -> None:
    low, *_, high = spenders(10, 20, 30, 40, 50)
    segment = build_segment(TOP)
    assert segment.recompute_at is not None
    assert NOW < segment.recompute_at <= NOW + timedelta(days=1)
    buy(low, 90)
    early = segment.recompute_at - timedelta(seconds=1)
    assert resume_rebuilds(now=early) == 0
    assert resume_rebuilds(now=segment.recompute_at) == 1
    assert members_of() == {low}
    assert resume_rebuilds(now=segment.recompute_at) == 0
    update_segment(segment, actor=TESTER, changes={"definition": TOP | {"top": 40}})
    resume_rebuilds(now=segment.recompute_at)
    assert (boundary(), members_of()) == (50, {low, high})


def test_equals_are_never_parted_and_the_share_is_told() -> None:
    spenders(50, 50, 50, 10)
    segment = build_segment(TOP)
    (row,) = make_client().get("/api/v1/segments/kept/").json()["boundaries"]
    assert {name: row[name] for name in ("top", "boundary", "people", "holding")} == {
        "top": 20,
        "boundary": 50,
        "people": 4,
        "holding": 3,
    }
    assert segment.size == 3


def test_whoever_has_no_value_or_is_restricted_counts_for_no_boundary() -> None:
    rich, poor = spenders(100, 10)
    store_people(
        [NaivePerson(events=[order(5, revenue="much")]), NaivePerson(), NaivePerson(events=[])]
    )
    Profile.objects.filter(pk=rich).update(is_restricted=True)
    build_segment(TOP | {"top": 100})
    assert (boundary(), members_of()) == (10, {poor})


def test_of_nobody_there_is_no_boundary_and_no_member_until_it_is_computed() -> None:
    build_segment(TOP)
    assert (boundary(), members_of()) == (None, set())
    buyer = store_person(NaivePerson())
    buy(buyer, 90)
    assert members_of() == set()
    recompute(Segment.objects.get(key="kept"), now=NOW)
    assert members_of() == {buyer}


def test_an_event_that_leaves_the_window_takes_its_person_out_by_the_same_boundary() -> None:
    *_, high = spenders(10, 20, 30, 40)
    add_events(high, [order(364, revenue=60)])
    build_segment(TOP)
    assert (boundary(), members_of()) == (100, {high})
    refresh_due(now=NOW + timedelta(days=1, hours=1))
    assert (boundary(), members_of()) == (100, set())


def test_a_segment_that_leans_on_a_rank_has_its_boundary() -> None:
    low, *_, high = spenders(10, 20, 30, 40, 50)
    build_segment(TOP)
    build_segment({"type": "not", "child": {"type": "segment", "key": "kept"}}, key="others")
    buy(low, 90)
    assert low not in members_of("others")
    recompute(Segment.objects.get(key="kept"), now=NOW)
    assert high in members_of("others")
    assert set(verify_memberships(now=NOW).values()) == {0}


def test_a_preview_and_a_past_time_have_boundaries_of_their_own() -> None:
    low, *_, high = spenders(10, 20, 30, 40, 50)
    segment = build_segment(TOP)
    buy(low, 90)
    profile = Profile.objects.get(pk=high)
    assert preview(TOP).size == 1
    assert why(segment, profile).is_member
    assert why(segment, profile).tree["evidence"] == {"sum": "50", "boundary": Decimal(50)}
    assert not why(segment, profile, at=NOW).is_member


def test_a_boundary_of_few_people_ends_with_one_of_them() -> None:
    low, *_, high = spenders(10, 20, 30, 40, 50)
    build_segment(TOP)
    erase(Profile.objects.get(pk=high))
    Profile.objects.filter(pk=high).update(is_restricted=True)
    assert resume_rebuilds() == 1
    assert boundary() == 40
    assert not Membership.objects.filter(profile_id=low).exists()


def test_a_service_computes_it_anew_and_verify_tells_the_true_share(capsys: Any) -> None:
    low, *_ = spenders(10, 20, 30, 40, 50)
    build_segment(TOP)
    buy(low, 90)
    call_command("verify_segments", at=NOW)
    assert "kept: 0 (top 20 %: 40 % have 50 or more)" in capsys.readouterr().out
    answer = make_client().post("/api/v1/segments/kept/recompute/")
    assert (answer.status_code, answer.json()["boundaries"][0]["boundary"]) == (200, 100)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"top": 0}, "top"),
        ({"top": 101}, "top"),
        ({"top": "10"}, "top"),
        ({"aggregate": "avg"}, "aggregate"),
        ({"aggregate": "count"}, "property"),
        ({"property": "products[].price"}, "property"),
        ({"operator": "gte"}, "operator"),
        ({"window": {"last": {"days": 0}}}, "window.last.days"),
    ],
)
def test_a_faulty_rank_is_refused_with_the_path_of_its_fault(
    change: dict[str, Any], path: str
) -> None:
    answer = make_client().post("/api/v1/segments/preview/", {"definition": TOP | change})
    assert answer.status_code == 400
    assert [error["path"] for error in answer.json()["errors"]] == [f"definition.{path}"]
