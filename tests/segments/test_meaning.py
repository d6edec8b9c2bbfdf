"""The meaning of the language: the rules of docs/segments.md, one test each."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from segments.definitions.dependencies import check_definition
from segments.language.parser import DefinitionError
from tests.factories import NOW
from tests.oracles.segment_worlds import NaiveEvent, NaivePerson
from tests.segments.evaluations import (
    build_segment,
    negation,
    orders,
    trait,
    who,
    with_values,
)
from tests.segments.worlds import at_edge, make_purpose, order, order_at, store_person

pytestmark = pytest.mark.django_db
MICROSECOND = timedelta(microseconds=1)


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
