"""The meaning of the language: the rules of docs/segments.md, one test each."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pytest_django import Settings

from profiles.models import Profile
from segments.definitions.dependencies import check_definition
from segments.language.parser import DefinitionError
from segments.lib.moments import MomentError
from segments.services import preview
from tests.factories import NOW
from tests.oracles.segments import NaiveEvent, NaivePerson
from tests.segments.evaluations import (
    build_segment,
    members_of,
    negation,
    orders,
    trait,
    who,
    with_values,
)
from tests.segments.worlds import make_purpose, order, store_person

pytestmark = pytest.mark.django_db
MICROSECOND = timedelta(microseconds=1)


def at_edge(**events: NaiveEvent) -> dict[str, NaivePerson]:
    return {name: NaivePerson(events=[event]) for name, event in events.items()}


def order_at(moment: datetime, **properties: Any) -> NaiveEvent:
    return NaiveEvent("Order Completed", moment, properties=properties)


def test_a_positive_operator_is_false_on_a_missing_value_and_its_negation_true() -> None:
    people = with_values("FR", None, "", [])
    assert who(trait("a", "equals", "FR"), people) == {"'FR'"}
    assert who(trait("a", "not_equals", "FR"), people) == {"None", "''", "[]", "missing"}


def test_not_is_everybody_else() -> None:
    people = with_values("FR", "DE", 5)
    assert who(negation(trait("a", "equals", "FR")), people) == {"'DE'", "5", "missing"}


def test_null_is_missing_while_empty_text_and_an_empty_list_exist() -> None:
    people = with_values(None, "", [], False, 0)
    assert who(trait("a", "exists"), people) == {"''", "[]", "False", "0"}


def test_a_value_of_another_type_is_no_error_and_false() -> None:
    people = with_values("5", 5, True, [5], {"b": 5})
    assert who(trait("a", "gt", 1), people) == {"5"}
    assert who(trait("a", "length_gte", 0), people) == {"[5]"}


def test_a_scalar_operator_on_a_list_is_a_wrong_type() -> None:
    assert who(trait("a", "equals", "x"), with_values("x", ["x"])) == {"'x'"}
    assert who(trait("a", "contains", "x"), with_values("x", ["x"])) == {"'x'"}


def test_numbers_are_exact_decimals() -> None:
    people = with_values(1, Decimal("1.0"), Decimal("0.1"), True, "1")
    assert who(trait("a", "equals", 1), people) == {"1", "Decimal('1.0')"}
    assert who(trait("a", "equals", Decimal("0.10")), people) == {"Decimal('0.1')"}


def test_sums_are_exact() -> None:
    dimes = [order(revenue=Decimal("0.1")), order(2, revenue=Decimal("0.2"))]
    definition = orders("equals", Decimal("0.3"), aggregate="sum", property="revenue")
    assert who(definition, {"dimes": NaivePerson(events=dimes)}) == {"dimes"}


def test_text_is_compared_by_code_point_and_ignore_case_by_simple_lower_case() -> None:
    people = with_values("é", "É", "e")
    assert who(trait("a", "equals", "é"), people) == {"'é'"}
    assert who(trait("a", "equals", "É", ignore_case=True), people) == {"'é'", "'É'"}


def test_a_list_ends_the_path_of_a_key() -> None:
    people = {
        "object": NaivePerson(traits={"a": {"0": "x"}}),
        "list": NaivePerson(traits={"a": ["x"]}),
    }
    assert who(trait("a.0", "equals", "x"), people) == {"object"}


def test_a_literal_dot_is_escaped() -> None:
    people = {"dot": NaivePerson(traits={"a.b": 1}), "object": NaivePerson(traits={"a": {"b": 1}})}
    assert who(trait(r"a\.b", "equals", 1), people) == {"dot"}


def test_two_traits_are_compared_where_both_are_present_and_of_one_type() -> None:
    people = {
        "same": NaivePerson(traits={"a": "x", "b": "x"}),
        "types": NaivePerson(traits={"a": 5, "b": "5"}),
        "one": NaivePerson(traits={"a": "x"}),
        "lists": NaivePerson(traits={"a": [1], "b": [1]}),
    }
    assert who(trait("a", "equals", {"trait": "b"}), people) == {"same"}


def test_includes_none_needs_a_list_and_not_includes_does_not() -> None:
    people = with_values(["x"], ["y"], [], "y")
    assert who(trait("a", "includes_none", ["x"]), people) == {"['y']", "[]"}
    assert who(trait("a", "not_includes", "x"), people) == {"['y']", "[]", "'y'", "missing"}


def test_no_events_count_and_sum_to_0_and_have_no_least_value() -> None:
    people = {"nobody": NaivePerson(), "buyer": NaivePerson(events=[order(revenue=5)])}
    assert who(orders("lt", 1), people) == {"nobody"}
    assert who(orders("lte", 0, aggregate="sum", property="revenue"), people) == {"nobody"}
    assert who(orders("lte", 9, aggregate="min", property="revenue"), people) == {"buyer"}


def test_at_most_n_holds_people_without_events() -> None:
    people = {
        "nobody": NaivePerson(),
        "busy": NaivePerson(events=[order(day) for day in (1, 2, 3)]),
    }
    assert who(orders("lte", 2, window={"last": {"days": 90}}), people) == {"nobody"}


def test_an_event_that_nobody_ever_sent_is_no_event() -> None:
    definition = {"type": "event", "name": "Unheard Of", "operator": "equals", "value": 0}
    assert who(definition, {"anybody": NaivePerson()}) == {"anybody"}


def test_sum_takes_the_numbers_of_the_property_only() -> None:
    mixed = [order(1, points=5), order(2, points="5"), order(3, points=None), order(4)]
    definition = orders("equals", 5, aggregate="sum", property="points")
    assert who(definition, {"mixed": NaivePerson(events=mixed)}) == {"mixed"}


def test_nothing_counts_an_event_after_now() -> None:
    people = at_edge(now=order_at(NOW), later=order_at(NOW + MICROSECOND))
    assert who(orders(), people) == {"now"}
    assert who(orders(window={"from": "2020-01-01"}), people) == {"now"}


def test_an_event_is_in_last_d_until_d_has_passed() -> None:
    edge = NOW - timedelta(days=90)
    people = at_edge(out=order_at(edge), inside=order_at(edge + MICROSECOND))
    assert who(orders(window={"last": {"days": 90}}), people) == {"inside"}


def test_months_of_a_window_are_of_the_local_calendar() -> None:
    # One month after 28 February 10:00 in Paris is 28 March 10:00 there.
    now = datetime(2026, 3, 28, 9, 0, tzinfo=UTC)
    edge = datetime(2026, 2, 28, 9, 0, tzinfo=UTC)
    people = at_edge(out=order_at(edge), inside=order_at(edge + MICROSECOND))
    assert who(orders(window={"last": {"months": 1}}), people, now) == {"inside"}


def test_a_month_of_31_days_is_31_days_long() -> None:
    now = datetime(2026, 8, 15, 12, 0, tzinfo=UTC)
    edge = datetime(2026, 7, 15, 12, 0, tzinfo=UTC)
    people = at_edge(out=order_at(edge), inside=order_at(edge + MICROSECOND))
    assert who(orders(window={"last": {"months": 1}}), people, now) == {"inside"}


@pytest.mark.parametrize(
    ("operator", "value"), [("gte", 0), ("lte", 0), ("gt", -1), ("lt", 1), ("equals", 0)]
)
@pytest.mark.parametrize("window", [{}, {"window": {"last": {"days": 90}}}])
def test_what_0_passes_people_without_events_pass(
    operator: str, value: int, window: dict[str, Any]
) -> None:
    people = {"nobody": NaivePerson(), "lapsed": NaivePerson(events=[order(-5)])}
    assert who(orders(operator, value, **window), people) == {"nobody", "lapsed"}


def test_a_window_of_dates_is_half_open_and_local() -> None:
    people = at_edge(
        before=order_at(datetime(2026, 1, 31, 22, 59, tzinfo=UTC)),
        first=order_at(datetime(2026, 1, 31, 23, 0, tzinfo=UTC)),
        after=order_at(datetime(2026, 2, 28, 23, 0, tzinfo=UTC)),
    )
    window = {"from": "2026-02-01", "to": "2026-03-01"}
    assert who(orders(window=window), people) == {"first"}


def test_after_a_date_is_after_that_day_and_before_it_is_before_its_start() -> None:
    people = with_values("2026-03-14", "2026-03-15", "2026-03-15T23:30:00+01:00", "2026-03-16")
    assert who(trait("a", "after", "2026-03-15"), people) == {"'2026-03-16'"}
    assert who(trait("a", "before", "2026-03-15"), people) == {"'2026-03-14'"}


def test_an_age_is_whole_years_on_the_local_date() -> None:
    people = with_values(
        "2008-03-15", "2008-03-16", "1986-03-14", "1985-03-15", "2030-01-01", "soon"
    )
    assert who(trait("a", "age_between", [18, 40]), people) == {"'2008-03-15'", "'1986-03-14'"}
    late = datetime(2026, 3, 15, 23, 30, tzinfo=UTC)
    assert "'2008-03-16'" in who(trait("a", "age_between", [18, 40]), people, late)


def test_a_birth_in_the_future_is_no_age() -> None:
    assert who(trait("a", "age_between", [0, 150]), with_values("2026-03-16")) == set()


def test_at_least_counts_the_children_that_hold() -> None:
    children = [trait("a", "exists"), trait("a", "gt", 1), trait("a", "gt", 2)]
    definition = {"type": "at_least", "count": 2, "children": children}
    assert who(definition, with_values(1, 2, 3)) == {"2", "3"}


def test_where_judges_each_event_by_its_own_properties_and_context() -> None:
    shoes = NaiveEvent(
        "Viewed", NOW, properties={"size": 43}, context={"device": {"type": "phone"}}
    )
    people = {"hiker": NaivePerson(events=[shoes]), "other": NaivePerson(events=[order(size=42)])}
    where = {
        "type": "and",
        "children": [
            {"type": "property", "key": "size", "operator": "equals", "value": 43},
            {"type": "context", "key": "device.type", "operator": "not_equals", "value": "tablet"},
        ],
    }
    definition = {"type": "event", "name": "*", "operator": "gte", "value": 1, "where": where}
    assert who(definition, people) == {"hiker"}


def test_any_name_is_any_kind_and_a_name_alone_is_a_track_call() -> None:
    page = NaiveEvent("Order Completed", NOW, kind="page")
    people = {"reader": NaivePerson(events=[page]), "buyer": NaivePerson(events=[order()])}
    assert who(orders(), people) == {"buyer"}
    assert who(orders(name="*"), people) == {"reader", "buyer"}
    assert who(orders(name="*", kind="page"), people) == {"reader"}


def test_restricted_profiles_are_in_no_segment_whatever_it_says() -> None:
    people = {"free": NaivePerson(), "restricted": NaivePerson(is_restricted=True)}
    assert who({"type": "everyone"}, people) == {"free"}
    assert who(negation(trait("a", "exists")), people) == {"free"}


def test_consent_is_judged_at_now() -> None:
    make_purpose()
    people = {
        "lasting": NaivePerson(consents={"newsletter": None}),
        "expired": NaivePerson(consents={"newsletter": NOW}),
        "unasked": NaivePerson(),
    }
    permitted = {"type": "consent", "purpose": "newsletter", "permitted": True}
    assert who(permitted, people) == {"lasting"}
    assert who(permitted | {"permitted": False}, people) == {"expired", "unasked"}


def test_a_segment_leaf_is_evaluated_at_the_same_now_and_not_read_from_stored_rows() -> None:
    build_segment(orders(window={"last": {"days": 1}}), key="recent", now=NOW - timedelta(days=30))
    people = at_edge(recent=order(0.5), old=order(5))
    assert who({"type": "segment", "key": "recent"}, people) == {"recent"}


def test_in_takes_numbers_beside_texts() -> None:
    people = with_values(1, Decimal("2.50"), "1", True, None)
    assert who(trait("a", "in", [Decimal("1.0"), 2.5]), people) == {"1", "Decimal('2.50')"}
    assert who(trait("a", "in", ["1", 7]), people) == {"'1'"}
    assert who(trait("a", "not_in", [1, 2.5]), people) == {"'1'", "True", "None", "missing"}


def test_accents_are_ignored_by_decomposing_and_case_besides() -> None:
    people = with_values("Élodie", "elodie", "E\u0301lodie", "Ångström", "ﬁ", 5)
    bare = trait("a", "equals", "Elodie", ignore_accents=True)
    assert who(bare, people) == {"'Élodie'", repr("E\u0301lodie")}
    both = trait("a", "starts_with", "ÉLO", ignore_accents=True, ignore_case=True)
    assert who(both, people) == {"'Élodie'", "'elodie'", repr("E\u0301lodie")}
    assert who(trait("a", "in", ["Angstrom"], ignore_accents=True), people) == {"'Ångström'"}


def test_on_a_day_is_within_the_local_day_and_on_an_instant_that_instant() -> None:
    people = with_values("2026-03-15", "2026-03-14T23:30:00Z", "2026-03-15T23:30:00Z", "soon")
    assert who(trait("a", "on", "2026-03-15"), people) == {"'2026-03-15'", "'2026-03-14T23:30:00Z'"}
    assert who(trait("a", "on", "2026-03-16T00:30"), people) == {"'2026-03-15T23:30:00Z'"}


def test_between_dates_takes_both_days_whole() -> None:
    people = with_values("2026-03-13", "2026-03-14", "2026-03-15T22:59:59Z", "2026-03-15T23:00:00Z")
    march = trait("a", "between", ["2026-03-14", "2026-03-15"])
    assert who(march, people) == {"'2026-03-14'", "'2026-03-15T22:59:59Z'"}
    backwards = trait("a", "between", ["2026-03-14T02:00+01:00", "2026-03-14T00:30Z"])
    assert who(backwards, people) == set()


def test_in_next_starts_a_duration_before_and_ends_when_the_date_has_come() -> None:
    people = with_values(
        "2026-03-15", "2026-03-22T12:00:00Z", "2026-03-22T12:00:01Z", "2026-03-15T12:00:00Z"
    )
    week = trait("a", "in_next", {"days": 7})
    assert who(week, people) == {"'2026-03-15'", "'2026-03-22T12:00:00Z'"}
    assert "missing" in who(trait("a", "not_in_next", {"days": 7}), people)


def test_more_than_ago_begins_when_in_last_ends() -> None:
    edge = (NOW - timedelta(days=30)).isoformat()
    people = with_values(edge, (NOW - timedelta(days=30) + MICROSECOND).isoformat(), "x")
    assert who(trait("a", "more_than_ago", {"days": 30}), people) == {repr(edge)}


def test_this_and_previous_are_whole_local_periods() -> None:
    people = with_values(
        "2026-03-31", "2026-02-28T22:59:59Z", "2026-02-28T23:00:00Z", "2026-01-01", "2026-03-09"
    )
    assert who(trait("a", "this", "month"), people) == {
        *("'2026-03-31'", "'2026-02-28T23:00:00Z'", "'2026-03-09'")
    }
    assert who(trait("a", "previous", "month"), people) == {"'2026-02-28T22:59:59Z'"}
    # 15 March 2026 is a Sunday.
    assert who(trait("a", "this", "week"), people) == {"'2026-03-09'"}
    assert who(trait("a", "this", "quarter"), people) == {
        repr(value)
        for value in (
            "2026-03-31",
            "2026-02-28T22:59:59Z",
            "2026-02-28T23:00:00Z",
            "2026-01-01",
            "2026-03-09",
        )
    }


def test_weeks_start_on_the_configured_day(settings: Settings) -> None:
    people = with_values("2026-03-09", "2026-03-15", "2026-03-21")
    settings.WEEK_STARTS_ON = 6
    assert who(trait("a", "this", "week"), people) == {"'2026-03-15'", "'2026-03-21'"}


def test_an_anniversary_counts_from_so_long_before_its_day_until_the_end_of_it() -> None:
    people = with_values("1990-03-15", "1990-03-22", "1990-03-23", "1992-02-29", "2026-03-18")
    week = trait("a", "anniversary_in_next", {"days": 7})
    assert who(week, people) == {"'1990-03-15'", "'1990-03-22'"}
    leap = datetime(2026, 2, 24, 12, 0, tzinfo=UTC)
    assert who(week, people, leap) == {"'1992-02-29'"}


def test_an_age_has_one_end_where_one_is_asked() -> None:
    people = with_values("2008-03-15", "2008-03-16", "1900-01-01", "2030-01-01")
    assert who(trait("a", "age_gte", 18), people) == {"'2008-03-15'", "'1900-01-01'"}
    assert who(trait("a", "age_lte", 17), people) == {"'2008-03-16'"}


def test_between_ago_holds_what_is_older_than_one_and_younger_than_the_other() -> None:
    window = {"between_ago": [{"days": 90}, {"days": 30}]}
    people = at_edge(
        too_young=order_at(NOW - timedelta(days=30) + MICROSECOND),
        youngest=order_at(NOW - timedelta(days=30)),
        oldest=order_at(NOW - timedelta(days=90) + MICROSECOND),
        too_old=order_at(NOW - timedelta(days=90)),
    )
    assert who(orders(window=window), people) == {"youngest", "oldest"}


def test_this_month_ends_now_and_the_previous_one_is_whole() -> None:
    people = at_edge(
        later=order_at(NOW + MICROSECOND),
        now=order_at(NOW),
        last=order_at(datetime(2026, 2, 28, 22, 59, tzinfo=UTC)),
        older=order_at(datetime(2026, 1, 31, 22, 59, tzinfo=UTC)),
    )
    assert who(orders(window={"this": "month"}), people) == {"now"}
    assert who(orders(window={"previous": "month"}), people) == {"last"}


def test_an_average_is_exact_and_of_the_numbers_only() -> None:
    mixed = [order(1, points=1), order(2, points=0), order(3, points=0), order(4, points="9")]
    people = {"mixed": NaivePerson(events=mixed), "none": NaivePerson(events=[order()])}

    def average(operator: str, *value: Any) -> set[str]:
        operand = {"value": value[0]} if value else {}
        leaf = orders(aggregate="avg", property="points") | {"operator": operator}
        leaf.pop("value")
        return who(leaf | operand, people)

    assert average("between", [Decimal("0.33"), Decimal("0.34")]) == {"mixed"}
    assert average("gt", Decimal("0.33333333333333333333")) == {"mixed"}
    assert average("equals", Decimal("0.33333333333333333333")) == set()
    assert average("not_exists") == {"none"}


def test_distinct_counts_equal_values_once_and_is_0_without_any() -> None:
    same = [order(day, sku=sku) for day, sku in enumerate((1, Decimal("1.0"), "1", None), 1)]
    people = {"buyer": NaivePerson(events=same), "nobody": NaivePerson()}
    assert who(orders("equals", 2, aggregate="distinct", property="sku"), people) == {"buyer"}
    assert who(orders("equals", 0, aggregate="distinct", property="sku"), people) == {"nobody"}


def test_first_and_last_are_values_in_the_order_of_time_and_then_of_arrival() -> None:
    twice = [
        NaiveEvent("Order Completed", NOW, properties={"sku": sku}, arrival=arrival)
        for sku, arrival in (("b", 2), ("a", 1), (None, 3))
    ]
    people = {"buyer": NaivePerson(events=twice), "nobody": NaivePerson()}
    first = orders("equals", "a", aggregate="first", property="sku")
    assert who(first, people) == {"buyer"}
    assert who(first | {"aggregate": "last", "value": "b"}, people) == {"buyer"}
    assert who(first | {"operator": "not_equals"}, people) == {"nobody"}


def test_the_most_frequent_value_is_a_single_one_and_of_equals_the_first_by_code_point() -> None:
    def bought(*skus: Any) -> NaivePerson:
        return NaivePerson(events=[order(day, sku=sku) for day, sku in enumerate(skus, 1)])

    people = {
        "b": bought("a", "b", "b"),
        "tie": bought("b", "a"),
        "number": bought(1, "a", Decimal("1.0")),
        "lists": bought(["a"], ["a"], "b"),
        "nothing": bought(None),
    }
    leaf = orders("equals", "b", aggregate="most_frequent", property="sku")
    assert who(leaf, people) == {"b", "lists"}
    assert who(leaf | {"value": "a"}, people) == {"tie"}
    assert who(leaf | {"value": 1}, people) == {"number"}


def test_days_between_is_the_average_gap_and_missing_for_a_single_event() -> None:
    people = {
        "weekly": NaivePerson(events=[order(day) for day in (1, 5, 15)]),
        "once": NaivePerson(events=[order(1)]),
    }
    leaf = orders("equals", 7, aggregate="days_between")
    assert who(leaf, people) == {"weekly"}
    missing = {**leaf, "operator": "not_exists"}
    del missing["value"]
    assert who(missing, people) == {"once"}


def test_any_asks_of_one_element_of_a_list_of_objects() -> None:
    products = [{"sku": "A", "price": 5}, {"sku": "B", "price": 50}, "C"]
    people = {"buyer": NaivePerson(events=[order(products=products)])}

    def bought(sku: str, price: int) -> set[str]:
        fields = {"type": "property", "operator": "equals"}
        children = [
            fields | {"key": "sku", "value": sku},
            fields | {"key": "price", "operator": "gte", "value": price},
        ]
        where = {"type": "and", "children": children}
        return who(orders(where={"type": "any", "key": "products", "where": where}), people)

    assert bought("B", 50) == {"buyer"}
    # No single product is A and costs 50.
    assert bought("A", 50) == set()


def test_a_key_that_runs_into_a_list_of_objects_is_refused_and_named_any() -> None:
    store_person(NaivePerson(events=[order(products=[{"sku": "A"}], shop={"city": "Lyon"})]))
    field = {"type": "property", "key": "products.sku", "operator": "equals", "value": "A"}
    with pytest.raises(DefinitionError, match="use any") as refusal:
        check_definition(orders(where={"type": "not", "child": field}))
    assert [fault.path for fault in refusal.value.errors] == ["where.child.key"]
    check_definition(orders(where=field | {"key": "shop.city"}))
    inside = {"type": "any", "key": "products", "where": field | {"key": "sku.code"}}
    check_definition(orders(where=inside))


def test_a_time_is_the_stores_or_the_visitors() -> None:
    # 23:30 UTC on Saturday is Sunday 00:30 in Paris and Saturday 19:30 in New York.
    moment = datetime(2026, 3, 14, 23, 30, tzinfo=UTC)
    visit = NaiveEvent("Order Completed", moment, context={"timezone": "America/New_York"})
    strange = NaiveEvent("Order Completed", moment, context={"timezone": "Nowhere/At All"})
    people = {"visitor": NaivePerson(events=[visit]), "stranger": NaivePerson(events=[strange])}

    def at(part: str, value: int, **zone: str) -> set[str]:
        leaf = {"type": "time", "part": part, "operator": "in", "value": [value], **zone}
        return who(orders(where=leaf), people)

    assert at("hour", 0) == {"visitor", "stranger"}
    assert at("weekday", 7) == {"visitor", "stranger"}
    assert at("hour", 19, zone="event") == {"visitor"}
    assert at("hour", 0, zone="event") == {"stranger"}
    assert at("month", 3, zone="event") == {"visitor", "stranger"}


def seen(name: str, minutes: float, **properties: Any) -> NaiveEvent:
    """An event so many minutes before NOW."""
    return NaiveEvent(name, NOW - timedelta(minutes=minutes), properties=properties)


def sequence(*steps: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {"type": "sequence", "steps": list(steps), **options}


VIEWED = {"name": "Viewed"}
BOUGHT = {"name": "Bought", "within": {"hours": 1}}


def test_a_sequence_is_a_chain_of_later_events_each_within_its_time() -> None:
    people = {
        "prompt": NaivePerson(events=[seen("Viewed", 59), seen("Bought", 0)]),
        "late": NaivePerson(events=[seen("Viewed", 60), seen("Bought", 0)]),
        "backwards": NaivePerson(events=[seen("Bought", 20), seen("Viewed", 10)]),
        # The chain starts at the second view.
        "again": NaivePerson(events=[seen("Viewed", 90), seen("Viewed", 50), seen("Bought", 0)]),
    }
    assert who(sequence(VIEWED, BOUGHT), people) == {"prompt", "again"}
    assert who(sequence(VIEWED, BOUGHT, window={"last": {"minutes": 55}}), people) == {"again"}


def test_events_of_one_instant_follow_each_other_in_the_order_of_their_arrival() -> None:
    def at_once(first: str, second: str) -> NaivePerson:
        events = [
            NaiveEvent(name, NOW, arrival=arrival) for arrival, name in enumerate((first, second))
        ]
        return NaivePerson(events=events)

    people = {"in order": at_once("Viewed", "Bought"), "reverse": at_once("Bought", "Viewed")}
    assert who(sequence(VIEWED, BOUGHT), people) == {"in order"}


def test_an_absent_step_holds_when_its_time_is_over_and_nothing_came() -> None:
    absent = BOUGHT | {"absent": True}
    people = {
        "waiting": NaivePerson(events=[seen("Viewed", 59)]),
        "gone": NaivePerson(events=[seen("Viewed", 60)]),
        "bought": NaivePerson(events=[seen("Viewed", 90), seen("Bought", 80)]),
        "bought later": NaivePerson(events=[seen("Viewed", 90), seen("Bought", 30)]),
    }
    assert who(sequence(VIEWED, absent), people) == {"gone", "bought later"}


def test_a_step_can_be_of_the_same_thing_as_the_first_also_inside_a_list() -> None:
    same = {"same": {"property": "products[].sku", "of_first": "sku"}}
    people = {
        "this": NaivePerson(
            events=[seen("Viewed", 9, sku="A"), seen("Bought", 1, products=[{"sku": "A"}])]
        ),
        "another": NaivePerson(
            events=[seen("Viewed", 9, sku="A"), seen("Bought", 1, products=[{"sku": "B"}])]
        ),
        "no thing": NaivePerson(events=[seen("Viewed", 9), seen("Bought", 1)]),
    }
    assert who(sequence(VIEWED, BOUGHT | same), people) == {"this"}
    later = NOW + timedelta(hours=2)
    absent = sequence(VIEWED, BOUGHT | same | {"absent": True})
    assert who(absent, people, later) == {"another"}


def test_a_step_between_need_not_be_of_the_same_thing() -> None:
    same = {"same": {"property": "sku", "of_first": "sku"}}
    steps = [VIEWED, {"name": "Signed In", "within": {"hours": 1}}, BOUGHT | same]
    events = [seen("Viewed", 30, sku="A"), seen("Signed In", 20), seen("Bought", 10, sku="A")]
    people = {
        "in order": NaivePerson(events=events),
        "another": NaivePerson(events=[*events[:2], seen("Bought", 10, sku="B")]),
        "signed in after": NaivePerson(
            events=[seen("Viewed", 30, sku="A"), seen("Bought", 10, sku="A"), seen("Signed In", 5)]
        ),
    }
    assert who(sequence(*steps), people) == {"in order"}


def test_regular_counts_complete_periods_before_this_one() -> None:
    def in_weeks(*weeks: int) -> NaivePerson:
        return NaivePerson(events=[order(7 * week + 1) for week in weeks])

    # 15 March 2026 is a Sunday: week 0 is not complete.
    people = {
        "three": in_weeks(1, 2, 4),
        "two and this one": in_weeks(0, 1, 2),
        "one often": in_weeks(1, 1, 1),
        "too long ago": in_weeks(3, 4, 5),
    }
    leaf = {"type": "regular", "name": "Order Completed", "period": "week", "at_least": 3, "of": 4}
    assert who(leaf, people) == {"three"}


def test_an_identifier_passes_by_some_value_and_not_by_none() -> None:
    people = {
        "both": NaivePerson(identifiers={"email": ["a@gmail.com", "a@b.fr"]}),
        "other": NaivePerson(identifiers={"email": ["b@b.fr"], "phone": ["+33 1"]}),
        "nobody": NaivePerson(),
    }
    leaf = {"type": "identifier", "namespace": "email"}
    ends = leaf | {"operator": "ends_with", "value": "@gmail.com"}
    # People are stored by the first question; an address is one person's only.
    assert who(ends, people) == {"both"}
    assert preview(leaf | {"operator": "exists"}).size == 2
    assert preview(ends | {"operator": "not_ends_with"}).size == 2
    assert preview(negation(ends)).size == 2


def test_a_bucket_is_stable_half_open_and_of_the_public_id() -> None:
    profile_id = store_person(NaivePerson())
    Profile.objects.filter(pk=profile_id).update(uuid="019a0000-0000-7000-8000-000000000001")
    # SHA-256 of "spring:019a0000-0000-7000-8000-000000000001" begins with these 8 digits.
    place = Decimal(100 * int("29b61086", 16)) / 2**32
    for low, high, expected in (
        (place, place + Decimal("0.00001"), True),
        (place - 1, place, False),
        (0, 100, True),
    ):
        leaf = {"type": "bucket", "salt": "spring", "from": low, "to": high}
        assert (preview(leaf).size == 1) is expected


def test_geo_holds_within_a_distance_of_a_point_that_is_one() -> None:
    def at(lat: Any, lon: Any) -> NaivePerson:
        return NaivePerson(traits={"home": {"lat": lat, "lon": lon}})

    people = {
        "Lyon": at(45.764, 4.8357),
        "Villeurbanne": at(Decimal("45.7667"), Decimal("4.88")),
        "Paris": at(48.8566, 2.3522),
        "text": at("45.764", "4.8357"),
        "nowhere": at(451, 4),
        "none": NaivePerson(),
    }
    leaf = {"type": "geo", "key": "home", "within_km": 20, "of": [45.764, 4.8357]}
    assert who(leaf, people) == {"Lyon", "Villeurbanne"}
    # From Lyon to Paris it is 391.5 km.
    assert "Paris" not in who(leaf | {"within_km": 391}, people)
    assert "Paris" in who(leaf | {"within_km": 392}, people)


def test_entered_within_reads_since_when_and_takes_who_enters_now_as_new() -> None:
    first = store_person(NaivePerson(traits={"a": 1}))
    build_segment(trait("a", "exists"), key="base", now=NOW - timedelta(days=10))
    second = store_person(NaivePerson(traits={"a": 1}))
    leaf = {"type": "segment", "key": "base", "entered_within": {"days": 7}}
    build_segment(leaf, key="fresh")
    assert members_of("fresh") == {second}
    assert members_of("base") == {first}
    with pytest.raises(MomentError, match="Nobody knows who had entered base"):
        preview(leaf, at=NOW - timedelta(days=11))
    assert preview(leaf, at=NOW - timedelta(days=5)).size == 2
