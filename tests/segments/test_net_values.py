"""Net values: what was bought, less what was given back, each at its own time."""

from decimal import Decimal
from typing import Any

import pytest
from pytest_django import Settings

from profiles.models import AuditEntry, EventName, Profile
from profiles.services import ReductionError, resolve_names, set_reduced
from segments.language.parser import DefinitionError, parse
from segments.language.phrases import Language
from segments.services import (
    create_computed_trait,
    create_family,
    recompute_family,
    refresh_changed,
    resume_rebuilds,
    verify_memberships,
    why,
)
from tests.factories import NOW, TESTER, make_client
from tests.oracles.segment_worlds import NaiveEvent, NaivePerson
from tests.segments.evaluations import build_segment, by_both_forms, members_of, orders
from tests.segments.worlds import order, store_people, store_person

pytestmark = pytest.mark.django_db
# In the tests a view reduces orders, see `worlds.REDUCING`.
REFUND = "Viewed"
NET = {"aggregate": "net"}


def refund(days_ago: float, revenue: Any) -> NaiveEvent:
    bought = order(days_ago, revenue=revenue)
    return NaiveEvent(REFUND, bought.timestamp, properties=bought.properties)


PEOPLE = {
    "kept all": NaivePerson(events=[order(5, revenue=200)]),
    "gave back": NaivePerson(events=[order(50, revenue=200), refund(5, 150)]),
    "gave back long ago": NaivePerson(events=[order(5, revenue=90), refund(60, 150)]),
    "only gave back": NaivePerson(events=[refund(5, 10)]),
    "no number": NaivePerson(events=[order(5, revenue="200")]),
    "nobody": NaivePerson(),
}


def asked(operator: str, value: Any, **options: Any) -> dict[str, Any]:
    return orders(operator, value, **NET, **options)


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        (asked("gte", 100), {"kept all"}),
        (asked("equals", 50), {"gave back"}),
        (asked("lt", 0), {"gave back long ago", "only gave back"}),
        (asked("equals", 0), {"no number", "nobody"}),
        # Each counts at its own time.
        (asked("lte", -150, window={"last": {"days": 30}}), {"gave back"}),
        (asked("equals", 90, window={"last": {"days": 30}}), {"gave back long ago"}),
        (
            {"type": "rank", "name": "Order Completed", **NET, "top": 25},
            {"kept all"},
        ),
    ],
)
def test_it_is_the_sum_less_what_was_given_back(
    definition: dict[str, Any], expected: set[str]
) -> None:
    ids = store_people(list(PEOPLE.values()))
    names = dict(zip(ids, PEOPLE, strict=True))
    assert by_both_forms(definition, names) == [expected, expected]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"name": "*"}, "name"),
        ({"kind": "page"}, "kind"),
        ({"property": "revenue"}, "property"),
    ],
)
@pytest.mark.parametrize("leaf", [asked("gt", 1), {"type": "rank", "name": "a", **NET, "top": 5}])
def test_it_is_that_of_tracked_events_of_one_name(
    leaf: dict[str, Any], change: dict[str, Any], path: str
) -> None:
    with pytest.raises(DefinitionError) as caught:
        parse(leaf | change)
    assert [fault.path for fault in caught.value.errors] == [path]


def test_why_says_the_net_value() -> None:
    profile_id = store_person(PEOPLE["gave back"])
    segment = build_segment(asked("gt", 10))
    (profile,) = segment.memberships.values_list("profile", flat=True)
    assert profile == profile_id
    answer = why(segment, segment.memberships.get().profile, language=Language.ENGLISH)
    assert Decimal(answer.tree["evidence"]["net"]) == 50
    assert answer.tree["words"] == "the net value of Order Completed is more than 10"


def test_another_reduction_builds_segments_and_computed_traits_anew() -> None:
    kept, gave_back = store_people([PEOPLE["kept all"], PEOPLE["gave back"]])
    build_segment(asked("gte", 100))
    create_computed_trait(key="spent", definition={"name": "Order Completed", **NET}, actor=TESTER)
    assert resume_rebuilds(now=NOW) == 0
    refresh_changed(now=NOW)
    assert members_of() == {kept}
    assert spent_of(gave_back) == 50
    row = EventName.objects.get(name=REFUND)
    set_reduced(row, "", actor=TESTER)
    assert resume_rebuilds(now=NOW) == 1
    refresh_changed(now=NOW)
    assert members_of() == {kept, gave_back}
    assert spent_of(gave_back) == 200
    assert resume_rebuilds(now=NOW) == 0
    assert verify_memberships(now=NOW) == {"kept": 0}


def spent_of(profile_id: int) -> Any:
    return Profile.objects.get(pk=profile_id).traits.get("spent")


def test_an_rfm_model_scores_net_values_unless_it_names_a_property() -> None:
    people = [NaivePerson(events=[order(5, revenue=10 * number)]) for number in range(1, 5)]
    people.append(NaivePerson(events=[order(5, revenue=100), refund(4, 99)]))
    store_people(people)
    family = create_family(
        kind="rfm", key="buyers", name="Buyers", event="Order Completed", actor=TESTER
    )
    recompute_family(family)
    family.refresh_from_db()
    assert family.live_version is not None
    assert [int(edge) for edge in family.live_version.boundaries["monetary"]] == [10, 20, 30, 40]


class TestReductions:
    """Which event reduces which."""

    @pytest.fixture
    def names(self) -> dict[str, EventName]:
        made = [("track", "Bought"), ("track", "Returned"), ("track", "Fined"), ("page", "Home")]
        return {name: EventName.objects.create(kind=kind, name=name) for kind, name in made}

    def test_they_are_set_and_written_down(self, names: dict[str, EventName]) -> None:
        route = f"/api/v1/schema/events/{names['Returned'].uuid}/"
        client = make_client()
        assert client.patch(route, {"reduces": "Bought"}).json()["reduces"] == "Bought"
        assert client.get(route).json()["reduces"] == "Bought"
        entry = AuditEntry.objects.get(object_type="event_name")
        assert entry.object_key == "track:Returned"
        assert entry.changes["reduces"] == ["", "Bought"]
        assert client.patch(route, {"reduces": ""}).json()["reduces"] == ""
        answer = client.patch(route, {"reduces": "Returned"})
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, "reduces")

    @pytest.mark.parametrize(
        ("name", "reduced"),
        [
            ("Bought", "Bought"),
            ("Bought", "Never Seen"),
            ("Home", "Bought"),
            ("Bought", "Home"),
            ("Fined", "Returned"),
            ("Bought", "Fined"),
        ],
    )
    def test_there_is_no_chain_and_nothing_unknown(
        self, names: dict[str, EventName], name: str, reduced: str
    ) -> None:
        set_reduced(names["Returned"], "Bought", actor=TESTER)
        with pytest.raises(ReductionError):
            set_reduced(names[name], reduced, actor=TESTER)

    def test_refunds_reduce_orders_from_their_first_on(self, settings: Settings) -> None:
        settings.REDUCING_EVENTS = ["Order Refunded", "Lost"]
        keys = [("track", "Order Refunded"), ("page", "Lost"), ("track", "Other")]
        resolve_names(dict.fromkeys(keys))
        reduced = dict(EventName.objects.values_list("name", "reduces"))
        assert reduced == {"Order Refunded": "Order Completed", "Lost": "", "Other": ""}
