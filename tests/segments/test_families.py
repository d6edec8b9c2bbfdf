"""RFM models and life-cycles: their segments part the buyers, and say who moves where."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.demo import cdnow
from profiles.lib.change_queue import mark_changed
from profiles.models import Profile
from segments.language.measures import CELLS, group_of, scores
from segments.language.nodes import Boundaries
from segments.models import Membership, MembershipChange, Segment, SegmentFamily
from segments.services import (
    create_family,
    end_family,
    recompute_family,
    refresh_changed,
    refresh_due,
    resume_rebuilds,
    verify_memberships,
    why,
)
from tests.factories import NOW, TESTER, make_client
from tests.oracles.segment_groups import GROUPS, fifths
from tests.oracles.segment_groups import group_of as oracle_group
from tests.oracles.segment_worlds import NaivePerson
from tests.oracles.segments import members
from tests.segments.evaluations import build_segment, erase, members_of
from tests.segments.worlds import PARIS, add_events, order, store_people, store_person, world_at

pytestmark = pytest.mark.django_db
URL = "/api/v1/rfm/"
BODY = {"key": "buyers", "name": "Buyers", "event": "Order Completed", "value": "revenue"}
STAGES = ("returned", "new", "loyal", "active", "at_risk", "dormant")


def make_model(**fields: Any) -> SegmentFamily:
    family = create_family(kind="rfm", actor=TESTER, **(BODY | fields))
    recompute_family(family, now=NOW)
    family.refresh_from_db()
    return family


def buyers(count: int) -> dict[int, NaivePerson]:
    """People of whom the later ones bought longer ago, and oftener the higher their remainder."""
    return store_people(
        [
            NaivePerson(
                events=[order(number + turn, revenue=number * 7 % 50) for turn in range(number % 6)]
            )
            for number in range(1, count + 1)
        ]
    )


def groups() -> dict[str, set[int]]:
    return {
        segment.part: members_of(segment.key)
        for segment in Segment.objects.filter(family__isnull=False)
    }


def test_each_buyer_is_in_exactly_the_group_of_the_oracle() -> None:
    people = buyers(60)
    make_model(window={"last": {"days": 45}})
    world = world_at(NOW, people=list(people.values()))
    world.models["buyers"] = {**BODY, "window": {"last": {"days": 45}}}
    for name, found in groups().items():
        leaf = {"type": "rfm", "key": "buyers", "groups": [name]}
        assert found == set(members(people, leaf, world)), name
    counts = Counter(profile_id for found in groups().values() for profile_id in found)
    assert set(counts.values()) == {1}
    assert verify_memberships(now=NOW) == dict.fromkeys(verify_memberships(now=NOW), 0)


def test_the_cells_are_those_of_the_page_and_each_is_named_once() -> None:
    for r in range(1, 6):
        for f in range(1, 6):
            for m in range(1, 6):
                assert group_of(r, f, m) == oracle_group(r, f, m)
    assert {group for row in CELLS.values() for group in row} == set(GROUPS)
    assert all(len(row) == 5 for row in CELLS.values())


numbers = st.lists(st.integers(0, 9).map(Decimal), max_size=30)


@given(numbers, numbers)
def test_scores_count_the_boundaries_that_a_value_reaches(
    frequency: Sequence[Decimal], monetary: Sequence[Decimal]
) -> None:
    f, m = (tuple(b for b in fifths(values) if b is not None) for values in (frequency, monetary))
    boundaries = Boundaries((), f, m)
    for count in frequency:
        expected = 1 + sum(count >= boundary for boundary in f)
        assert scores(boundaries, NOW, count, Decimal(0))[:2] == (1, expected)


def test_cdnow_has_the_known_frequencies() -> None:
    orders = Counter(purchase.customer for purchase in cdnow.read_purchases())
    distinct = sorted(set(orders.values()))
    below = {value: sum(count < value for count in orders.values()) for value in distinct}
    boundaries = [
        next(value for value in distinct if 5 * below[value] >= (k - 1) * len(orders))
        for k in (2, 3, 4, 5)
    ]
    found = Counter(1 + sum(count >= b for b in boundaries) for count in orders.values())
    assert [found[score] for score in range(1, 6)] == [11_908, 0, 4_079, 3_658, 3_925]


def test_boundaries_stay_until_the_hour_and_then_people_move_for_that_reason() -> None:
    people = buyers(40)
    family = make_model(hour=5)
    before = family.live_version.boundaries
    someone = next(iter(people))
    add_events(someone, [order(0.1, revenue=500) for _ in range(9)])
    mark_changed([someone])
    refresh_changed(now=NOW)
    assert someone in groups()["champions"]
    assert make_client().get(f"{URL}buyers/").json()["people"] == len(people) - 6
    family.refresh_from_db()
    assert family.live_version.boundaries == before
    assert family.recompute_at is not None
    assert resume_rebuilds(now=family.recompute_at - timedelta(seconds=1)) == 0
    assert resume_rebuilds(now=family.recompute_at) == 1
    reasons = MembershipChange.objects.filter(changed_at=family.recompute_at)
    assert set(reasons.values_list("reason", flat=True)) == {"recompute"}
    family.refresh_from_db()
    assert family.live_version.number == 2
    assert set(verify_memberships().values()) == {0}


def test_nobody_moves_by_age_alone_but_by_the_edge_of_the_window() -> None:
    buyers(40)
    late = store_person(NaivePerson(events=[order(44.5, revenue=1)]))
    make_model(window={"last": {"days": 45}})
    before = groups()
    refresh_due(now=NOW + timedelta(hours=6))
    assert groups() == before
    refresh_due(now=NOW + timedelta(hours=13))
    assert all(late not in found for found in groups().values())


def test_segments_that_read_groups_move_with_them() -> None:
    people = buyers(40)
    make_model()
    build_segment({"type": "rfm", "key": "buyers", "groups": ["champions", "loyal"]}, key="best")
    build_segment({"type": "not", "child": {"type": "segment", "key": "best"}}, key="rest")
    for profile_id in list(people)[:10]:
        add_events(profile_id, [order(0.2, revenue=900) for _ in range(9)])
    recompute_family(SegmentFamily.objects.get(), now=NOW)
    found = groups()
    assert members_of("best") == found["champions"] | found["loyal"]
    assert members_of("rest") == set(people) - members_of("best")
    assert set(verify_memberships(now=NOW).values()) == {0}


def test_why_names_the_scores_and_the_group() -> None:
    people = buyers(40)
    make_model()
    champion = min(groups()["champions"])
    segment = Segment.objects.get(key="buyers-champions")
    evidence = why(segment, Profile.objects.get(pk=champion), at=None).tree["evidence"]
    assert evidence["group"] == "champions"
    assert evidence["scores"][0] == 5
    assert evidence["count"] == str(len(people[champion].events))


def test_a_past_time_is_judged_by_the_boundaries_of_then() -> None:
    people = buyers(40)
    family = make_model()
    first = groups()
    for profile_id in people:
        add_events(profile_id, [order(-0.5, revenue=900)])
    later = NOW + timedelta(days=2)
    recompute_family(family, now=later)
    for name, found in first.items():
        segment = Segment.objects.get(family=family, part=name)
        for profile_id in sorted(found)[:2]:
            assert why(segment, Profile.objects.get(pk=profile_id), at=NOW).is_member


def test_boundaries_of_few_people_end_with_one_of_them() -> None:
    buyers(20)
    family = make_model()
    champion = min(next(found for found in groups().values() if found))
    erase(Profile.objects.get(pk=champion))
    Profile.objects.filter(pk=champion).update(is_restricted=True)
    assert resume_rebuilds() == 1
    assert list(family.versions.values_list("people", flat=True)) == [16, 17]
    family.refresh_from_db()
    assert family.live_version.people == 16
    assert not Membership.objects.filter(profile_id=champion).exists()


def test_the_api_makes_changes_and_ends_a_model() -> None:
    buyers(30)
    client = make_client()
    answer = client.post(URL, BODY | {"window": {"last": {"years": 1}}})
    assert answer.status_code == 201
    body = answer.json()
    assert [row["group"] for row in body["groups"]] == list(GROUPS)
    assert {row["segment"] for row in body["groups"]} >= {"buyers-at-risk", "buyers-champions"}
    assert all(len(values) == 4 for values in body["boundaries"].values())
    assert sum(row["size"] for row in body["groups"]) == body["people"] == 25
    assert client.get(f"{URL}buyers/").json() == body
    assert client.patch(f"{URL}buyers/", {"hour": 7}).json()["hour"] == 7
    due = SegmentFamily.objects.get().recompute_at
    assert due is not None
    assert due.astimezone(PARIS).hour == 7
    again = client.post(f"{URL}buyers/recompute/")
    assert again.status_code == 200
    assert again.json()["recomputed_at"] > body["recomputed_at"]
    assert client.post(URL, BODY).json()["errors"][0]["path"] == "key"
    assert client.delete(f"{URL}buyers/").status_code == 204
    assert not Segment.objects.exclude(status="archived").exists()
    assert client.post(URL, BODY).status_code == 201


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"key": "Buyers"}, "key"),
        ({"key": "b" * 44}, "key"),
        ({"value": "products[].price"}, "value"),
        ({"hour": 24}, "hour"),
        ({"window": {"last": {"days": 0}}}, "window.last.days"),
        ({"window": "ever"}, "window"),
        ({"extra": 1}, "extra"),
    ],
)
def test_a_faulty_model_is_refused_with_the_path_of_its_fault(
    change: dict[str, Any], path: str
) -> None:
    answer = make_client().post(URL, BODY | change)
    assert answer.status_code == 400
    assert {error["path"] for error in answer.json()["errors"]} == {path}
    assert not SegmentFamily.objects.exists()


def test_the_definition_of_a_group_cannot_be_edited_nor_the_group_ended_alone() -> None:
    make_model()
    client = make_client()
    route = "/api/v1/segments/buyers-loyal/"
    answer = client.patch(route, {"definition": {"type": "everyone"}})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, "definition")
    assert client.patch(route, {"name": "Our best"}).status_code == 200
    assert client.delete(route).status_code == 409


def test_a_model_that_somebody_reads_cannot_end() -> None:
    make_model()
    build_segment({"type": "rfm", "key": "buyers", "groups": ["lost"]}, key="gone")
    answer = make_client().delete(f"{URL}buyers/")
    assert answer.status_code == 409
    assert "gone" in answer.json()["errors"][0]["detail"]


def test_an_unknown_model_or_group_is_refused_by_its_path() -> None:
    make_model()
    for leaf, path in (
        ({"key": "sellers", "groups": ["lost"]}, "definition.key"),
        ({"key": "buyers", "groups": ["lost", "rich"]}, "definition.groups[1]"),
        ({"key": "buyers", "groups": []}, "definition.groups"),
    ):
        answer = make_client().post(
            "/api/v1/segments/preview/", {"definition": {"type": "rfm", **leaf}}
        )
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, path)


def test_movement_counts_who_went_from_where_to_where() -> None:
    people = buyers(40)
    family = make_model()
    before = groups()
    newcomer = store_person(NaivePerson(events=[order(0.5, revenue=1)]))
    recompute_family(family, now=NOW + timedelta(hours=1))
    after = groups()
    expected: Counter[tuple[str | None, str | None]] = Counter()
    for profile_id in [*people, newcomer]:
        pair = [
            next((name for name, found in each.items() if profile_id in found), None)
            for each in (before, after)
        ]
        if any(pair):
            expected[pair[0], pair[1]] += 1
    answer = make_client().get(f"{URL}buyers/movement/", {"since": NOW.isoformat()})
    moves = {(row["former"], row["present"]): row["people"] for row in answer.json()["moves"]}
    assert moves == dict(expected)


def stages_at(family: SegmentFamily) -> dict[str, set[int]]:
    return {segment.part: members_of(segment.key) for segment in family.segments.all()}


def life_cycle() -> SegmentFamily:
    family = create_family(
        kind="life_cycle", key="cycle", name="Cycle", event="Order Completed", actor=TESTER
    )
    recompute_family(family, now=NOW)
    return family


def moments() -> Iterator[datetime]:
    for days in (0.5, 3, 29, 31, 61, 92, 151, 181):
        yield NOW + timedelta(days=days)


def test_a_life_cycle_parts_all_buyers_and_each_edge_moves_them() -> None:
    histories = {
        "new": [1],
        "active": [45],
        "loyal": [200, 150, 100, 50, 20],
        "at_risk": [120],
        "dormant": [181],
        "returned": [300, 10],
    }
    people = {
        name: store_person(NaivePerson(events=[order(day) for day in days]))
        for name, days in histories.items()
    }
    store_person(NaivePerson())
    family = life_cycle()
    assert stages_at(family) == {name: {people[name]} for name in STAGES}
    refresh_due(now=NOW + timedelta(days=20))
    # Whoever returned thirty days ago is active, and so is who was new; the others grow older.
    assert stages_at(family) == {
        "returned": set(),
        "new": {people["new"]},
        "loyal": {people["loyal"]},
        "active": {people["active"], people["returned"]},
        "at_risk": {people["at_risk"]},
        "dormant": {people["dormant"]},
    }
    assert set(verify_memberships(now=NOW + timedelta(days=20)).values()) == {0}


def test_a_life_cycle_by_the_api() -> None:
    store_person(NaivePerson(events=[order(1)]))
    client = make_client()
    body = {"key": "cycle", "name": "Cycle", "event": "Order Completed"}
    answer = client.post("/api/v1/life-cycles/", body)
    assert answer.status_code == 201
    assert {row["segment"] for row in answer.json()["stages"]} == {
        f"cycle-{stage.replace('_', '-')}" for stage in STAGES
    }
    assert client.get(URL).json()["results"] == []
    assert client.delete("/api/v1/life-cycles/cycle/").status_code == 204


def test_ending_a_family_leaves_the_history_of_its_segments() -> None:
    buyers(20)
    family = make_model()
    end_family(family, actor=TESTER)
    assert MembershipChange.objects.filter(has_entered=False).count() == 17
    assert not SegmentFamily.objects.exists()
