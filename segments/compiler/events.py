"""Compiling event leaves: which events count, how they are aggregated and tested.

For everybody a leaf is `p.id IN (SELECT … HAVING …)`. For a few profiles it is one column of a
join that reads their events once.

Invariant: no event after `now` counts. Profiles without matching events pass exactly those tests
that 0 passes (count and sum) or a missing value passes (other aggregates).
"""

from decimal import Decimal
from typing import assert_never

from segments.compiler.context import Context, EventNameRef, event_name_refs
from segments.compiler.dates import test_moment
from segments.compiler.elements import Element, is_type, json_value
from segments.compiler.fragments import (
    FALSE,
    TRUE,
    Fragment,
    all_of,
    fill,
    negate,
)
from segments.compiler.histories import filter_conditions
from segments.compiler.values import test_element, test_number, test_quotient
from segments.compiler.where import EVENT
from segments.compiler.windows import window_conditions
from segments.language import nodes
from segments.language.filters import filter_of
from segments.language.nodes import Aggregate, EventLeaf

AGGREGATES = {
    Aggregate.COUNT: "count(*){filter}",
    Aggregate.SUM: "sum({value}){filter}",
    Aggregate.NET: "coalesce(sum({value}){filter}, 0)",
    # The quotient would be rounded, so its parts are compared.
    Aggregate.AVG: "ARRAY[sum({value}){filter}, count({value}){filter}]::numeric[]",
    Aggregate.MIN: "min({value}){filter}",
    Aggregate.MAX: "max({value}){filter}",
    Aggregate.DISTINCT: "count(DISTINCT {value}){filter}",
    # In an object, so that it is tested like a part of a document.
    Aggregate.FIRST: """jsonb_build_object('value', (array_agg({value} ORDER BY
        e."timestamp", e.arrival, e.id){filter})[1])""",
    Aggregate.LAST: """jsonb_build_object('value', (array_agg({value} ORDER BY
        e."timestamp" DESC, e.arrival DESC, e.id DESC){filter})[1])""",
    # Of those that are as frequent the first by code point, whatever the database's locale.
    Aggregate.MOST_FREQUENT: """jsonb_build_object('value', (mode() WITHIN GROUP (ORDER BY
        ({value})::text COLLATE "C"){filter})::jsonb)""",
    # The gaps between the events add up to the time from the first to the last.
    Aggregate.DAYS_BETWEEN: """ARRAY[CASE WHEN count(*){filter} > 1 THEN extract(epoch FROM
        max(e."timestamp"){filter} - min(e."timestamp"){filter}) END,
        (count(*){filter} - 1) * 86400]::numeric[]""",
    Aggregate.FIRST_AT: 'min(e."timestamp"){filter}',
    Aggregate.LAST_AT: 'max(e."timestamp"){filter}',
}
NUMERIC_AGGREGATES = (Aggregate.SUM, Aggregate.AVG, Aggregate.MIN, Aggregate.MAX)
CHOOSING_AGGREGATES = (Aggregate.FIRST, Aggregate.LAST, Aggregate.MOST_FREQUENT)
# Those that are 0 where there are no events.
ZERO_AGGREGATES = (Aggregate.COUNT, Aggregate.SUM, Aggregate.NET, Aggregate.DISTINCT)
STAT_SUM = """CASE WHEN s.last_at <= {now}::timestamptz THEN s.sum ELSE (
    SELECT coalesce(sum(e.value), 0) FROM profiles_event e
    WHERE e.profile_id = s.profile_id AND e.name_id = s.name_id
        AND e."timestamp" <= {now}::timestamptz) END"""
# The value of a row of statistics as of `now`. Where the row includes events dated after `now`, the
# value is computed from the events instead.
STAT_VALUES = {
    Aggregate.COUNT: """CASE WHEN s.last_at <= {now}::timestamptz THEN s.count ELSE (
        SELECT count(*) FROM profiles_event e
        WHERE e.profile_id = s.profile_id AND e.name_id = s.name_id
            AND e."timestamp" <= {now}::timestamptz) END""",
    Aggregate.SUM: STAT_SUM,
    Aggregate.NET: STAT_SUM,
    Aggregate.FIRST_AT: "CASE WHEN s.first_at <= {now}::timestamptz THEN s.first_at END",
    Aggregate.LAST_AT: """CASE WHEN s.last_at <= {now}::timestamptz THEN s.last_at ELSE (
        SELECT max(e."timestamp") FROM profiles_event e
        WHERE e.profile_id = s.profile_id AND e.name_id = s.name_id
            AND e."timestamp" <= {now}::timestamptz) END""",
}
# How the values of several event names are combined.
STAT_AGGREGATES = {
    Aggregate.COUNT: "sum({value})",
    Aggregate.SUM: "sum({value})",
    Aggregate.NET: "sum({value})",
    Aggregate.FIRST_AT: "min({value})",
    Aggregate.LAST_AT: "max({value})",
}


def compile_for_everyone(event: EventLeaf, context: Context) -> Fragment:
    """Return the condition of a leaf for any profile, as a test of `p.id` against a set."""
    names = event_name_refs(filter_of(event), context)
    # No such event was ever received, so the answer is the same for all profiles.
    if not names:
        return TRUE if passes_without_events(event) != event.is_negated else FALSE
    # Profiles without events are in no SELECT of events. Where they pass the test, the SELECT is
    # of the profiles that fail it, and everybody else passes.
    is_complement = passes_without_events(event)
    select = (
        _select_by_statistics if can_use_statistics(event, names, context) else _select_by_events
    )
    in_set = fill("p.id IN ({ids})", ids=select(event, names, context, is_complement))
    is_outside = is_complement != event.is_negated
    template = "(NOT {in_set})" if is_outside else "({in_set})"
    return fill(template, in_set=in_set)


def _select_by_events(
    event: EventLeaf, names: list[EventNameRef], context: Context, is_complement: bool
) -> Fragment:
    """Return a SELECT of the profiles whose events pass the test, or fail it for a complement."""
    where = event_condition(event, context)
    if _asks_for_any_event(event) and not is_complement:
        return fill("SELECT e.profile_id FROM profiles_event e WHERE {where}", where=where)
    test = test_quantity(event, quantity(event, names), context)
    return fill(
        "SELECT e.profile_id FROM profiles_event e WHERE {where}"
        " GROUP BY e.profile_id HAVING {test}",
        where=where,
        test=negate(test) if is_complement else test,
    )


def _select_by_statistics(
    event: EventLeaf, names: list[EventNameRef], context: Context, is_complement: bool
) -> Fragment:
    """Return the same SELECT as `_select_by_events`, from the statistics."""
    value = _stat_value(event, names, context)
    # One name has one row per profile, so nothing needs to be grouped.
    is_single = len(names) == 1
    column = Fragment("v.value")
    aggregate = fill(STAT_AGGREGATES[event.aggregate], value=column)
    test = test_quantity(event, fill("({value})", value=value if is_single else aggregate), context)
    return fill(
        "SELECT s.profile_id FROM profiles_eventstat s WHERE {has_name} AND {test}"
        if is_single
        # A value may read events, which a cluster does not do within HAVING.
        else "SELECT v.profile_id FROM (SELECT s.profile_id, {value} AS value"
        " FROM profiles_eventstat s WHERE {has_name}) AS v GROUP BY v.profile_id HAVING {test}",
        has_name=_stat_name_condition(names),
        value=value,
        test=negate(test) if is_complement else test,
    )


def _stat_name_condition(names: list[EventNameRef]) -> Fragment:
    return fill("s.name_id = ANY({ids}::bigint[])", ids=[ref.id for ref in names])


def _asks_for_any_event(event: EventLeaf) -> bool:
    """Whether the leaf asks for at least one event, so that nothing needs to be counted."""
    match event.test:
        case nodes.Compare(nodes.Comparison.GTE, Decimal() as minimum):
            return event.aggregate is Aggregate.COUNT and 0 < minimum <= 1
        case nodes.Compare(nodes.Comparison.GT, Decimal() as minimum):
            return event.aggregate is Aggregate.COUNT and 0 <= minimum < 1
        case _:
            return False


def stat_column(event: EventLeaf, names: list[EventNameRef], context: Context) -> Fragment:
    """Return the aggregate of a leaf over the statistics `s` of one profile."""
    value = _stat_value(event, names, context)
    aggregate = fill(STAT_AGGREGATES[event.aggregate], value=value)
    template = "{aggregate} FILTER (WHERE {has_name})"
    return fill(template, aggregate=aggregate, has_name=_stat_name_condition(names))


def _stat_value(event: EventLeaf, names: list[EventNameRef], context: Context) -> Fragment:
    """Return what a row of statistics `s` adds to the aggregate of a leaf."""
    value = fill(STAT_VALUES[event.aggregate], now=context.now)
    return _signed(event, names, value, Fragment("s.name_id"))


def _signed(
    event: EventLeaf, names: list[EventNameRef], value: Fragment, name_id: Fragment
) -> Fragment:
    """Return a value, below zero where it is that of an event which reduces the leaf's own."""
    reducing = [ref.id for ref in names if ref.reduces == event.name]
    if event.aggregate is not Aggregate.NET or not reducing:
        return value
    return fill(
        "(CASE WHEN {name} = ANY({reducing}::bigint[]) THEN -1 ELSE 1 END * {value})",
        name=name_id,
        reducing=reducing,
        value=value,
    )


def event_column(event: EventLeaf, names: list[EventNameRef], context: Context) -> Fragment:
    """Return the aggregate of a leaf over those events `e` of one profile that it counts."""
    return _aggregate(event, names, [event_condition(event, context)])


def quantity(event: EventLeaf, names: list[EventNameRef]) -> Fragment:
    """Return the aggregate of a leaf over all events `e` of one profile."""
    return _aggregate(event, names, [])


def _aggregate(event: EventLeaf, names: list[EventNameRef], conditions: list[Fragment]) -> Fragment:
    value = _value(event, names)
    if event.aggregate in CHOOSING_AGGREGATES:
        conditions = [*conditions, fill("{value} IS NOT NULL", value=value)]
    where = fill(" FILTER (WHERE {checks})", checks=all_of(conditions))
    return fill(
        AGGREGATES[event.aggregate], value=value, filter=where if conditions else Fragment("")
    )


def _value(event: EventLeaf, names: list[EventNameRef]) -> Fragment:
    """Return what is aggregated, NULL for events that have nothing of the kind."""
    if event.aggregate is Aggregate.NET:
        return _signed(event, names, Fragment("e.value"), Fragment("e.name_id"))
    # These aggregates have no value in their template, so this goes nowhere.
    if event.property is None:
        return FALSE
    element = Element(EVENT[nodes.Root.PROPERTIES], event.property)
    if event.aggregate is Aggregate.MOST_FREQUENT:
        # Numbers that are equal have one text.
        return fill(
            "CASE WHEN {is_number} THEN to_jsonb(trim_scale({value}::numeric))"
            " WHEN jsonb_typeof({value}) IN ('string', 'boolean') THEN {value} END",
            is_number=is_type(element, "number"),
            value=json_value(element),
        )
    if event.aggregate not in NUMERIC_AGGREGATES:
        return fill("nullif({value}, 'null'::jsonb)", value=json_value(element))
    # The same number without reading the JSON.
    if _is_value_property(event, names):
        return Fragment("e.value")
    return fill(
        "CASE WHEN {is_number} THEN {value}::numeric END",
        is_number=is_type(element, "number"),
        value=json_value(element),
    )


def _is_value_property(event: EventLeaf, names: list[EventNameRef]) -> bool:
    return all(event.property == (ref.value_property,) for ref in names)


def test_quantity(event: EventLeaf, quantity: Fragment, context: Context) -> Fragment:
    """Return the condition that the aggregate passes the test of a leaf, before any negation."""
    match event.aggregate:
        case Aggregate.COUNT | Aggregate.SUM | Aggregate.NET | Aggregate.DISTINCT:
            return test_number(fill("coalesce({quantity}, 0)", quantity=quantity), event.test)
        case Aggregate.MIN | Aggregate.MAX:
            return test_number(quantity, event.test)
        case Aggregate.AVG | Aggregate.DAYS_BETWEEN:
            total = fill("({quantity})[1]", quantity=quantity)
            count = fill("({quantity})[2]", quantity=quantity)
            return test_quotient(total, count, event.test)
        case Aggregate.FIRST | Aggregate.LAST | Aggregate.MOST_FREQUENT:
            document = fill("coalesce({quantity}, '{{}}'::jsonb)", quantity=quantity)
            return test_element(Element(document, ("value",)), event.test, context)
        case Aggregate.FIRST_AT | Aggregate.LAST_AT:
            return test_moment(quantity, event.test, context)
        case _:
            assert_never(event.aggregate)


def quantity_text(event: EventLeaf, quantity: Fragment) -> Fragment:
    """Return the aggregate as text, NULL where it is missing."""
    match event.aggregate:
        case Aggregate.AVG | Aggregate.DAYS_BETWEEN:
            # Of one event there is no gap, and nothing to divide by.
            template = "trim_scale(({quantity})[1] / nullif(({quantity})[2], 0))::text"
        case Aggregate.FIRST | Aggregate.LAST | Aggregate.MOST_FREQUENT:
            template = "({quantity} ->> 'value')"
        case _:
            template = "{quantity}::text"
    return fill(template, quantity=quantity)


def passes_without_events(event: EventLeaf) -> bool:
    """Whether a profile without matching events passes the test, before any negation.

    Its count and sum are 0; any other aggregate is missing.
    """
    if event.aggregate not in ZERO_AGGREGATES:
        return False
    match event.test:
        case nodes.Exists():
            return True
        case nodes.Equals(Decimal() as operand):
            return operand == 0
        case nodes.OneOf(values):
            return any(value == 0 for value in values)
        case nodes.Compare(operator, Decimal() as operand):
            return _is_zero(operator, operand)
        case nodes.Between(low, high):
            return low <= 0 <= high
        case _:
            raise ValueError("The parser lets no other test of a number through.")


def _is_zero(operator: nodes.Comparison, operand: Decimal) -> bool:
    """Whether 0 compares in this way with the operand."""
    match operator:
        case nodes.Comparison.GT:
            return operand < 0
        case nodes.Comparison.GTE:
            return operand <= 0
        case nodes.Comparison.LT:
            return operand > 0
        case nodes.Comparison.LTE:
            return operand >= 0
        case _:
            assert_never(operator)


def can_use_statistics(event: EventLeaf, names: list[EventNameRef], context: Context) -> bool:
    """Whether the statistics answer a leaf.

    They know neither windows nor properties, and sum up the value column only.
    """
    is_unlimited = event.window is None and event.where is None
    is_stored = event.aggregate in STAT_VALUES
    is_sum_of_other = event.aggregate is Aggregate.SUM and not _is_value_property(event, names)
    return context.is_present and is_unlimited and is_stored and not is_sum_of_other


def event_condition(event: EventLeaf, context: Context) -> Fragment:
    """Return the condition that a leaf counts event `e`."""
    return all_of(
        [
            *filter_conditions(filter_of(event), context),
            *window_conditions(event.window, context),
        ]
    )
