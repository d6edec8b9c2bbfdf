"""Compiling event leaves: which events count, how they are aggregated and tested.

For everybody a leaf is `p.id IN (SELECT … HAVING …)`. For a few profiles it is one column of a
join that reads their events once.

Invariant: no event after `now` counts. Profiles without matching events pass exactly those tests
that 0 passes (count and sum) or a missing value passes (other aggregates).
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import assert_never

from segments.compiler.context import Context, EventNameRef, event_name_refs, operand_span
from segments.compiler.fragments import (
    FALSE,
    TRUE,
    Fragment,
    all_of,
    fill,
    negate,
)
from segments.compiler.trees import compile_tree
from segments.compiler.values import (
    Element,
    add_to_instant,
    is_type,
    json_value,
    test_element,
    test_moment,
    test_number,
)
from segments.language import nodes
from segments.language.calendar import MONTH_SLACK, length_of, months_in
from segments.language.nodes import Aggregate, EventLeaf

ROOT_DOCUMENTS = {
    nodes.Root.PROPERTIES: Fragment("e.properties"),
    nodes.Root.CONTEXT: Fragment("e.context"),
}
EVENT_AGGREGATES = {
    Aggregate.COUNT: "count(*)",
    Aggregate.SUM: "sum({number})",
    Aggregate.MIN: "min({number})",
    Aggregate.MAX: "max({number})",
    Aggregate.FIRST_AT: 'min(e."timestamp")',
    Aggregate.LAST_AT: 'max(e."timestamp")',
}
# The value of a row of statistics as of `now`. Where the row includes events dated after `now`, the
# value is computed from the events instead.
STAT_VALUES = {
    Aggregate.COUNT: """CASE WHEN s.last_at <= {now}::timestamptz THEN s.count ELSE (
        SELECT count(*) FROM profiles_event e
        WHERE e.profile_id = s.profile_id AND e.name_id = s.name_id
            AND e."timestamp" <= {now}::timestamptz) END""",
    Aggregate.SUM: """CASE WHEN s.last_at <= {now}::timestamptz THEN s.sum ELSE (
        SELECT coalesce(sum(e.value), 0) FROM profiles_event e
        WHERE e.profile_id = s.profile_id AND e.name_id = s.name_id
            AND e."timestamp" <= {now}::timestamptz) END""",
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
    Aggregate.FIRST_AT: "min({value})",
    Aggregate.LAST_AT: "max({value})",
}


def compile_for_everyone(event: EventLeaf, context: Context) -> Fragment:
    """Return the condition of a leaf for any profile, as a test of `p.id` against a set."""
    names = event_name_refs(event, context)
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
    where = event_condition(event, names, context)
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
    value = fill(STAT_VALUES[event.aggregate], now=context.now)
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
    value = fill(STAT_VALUES[event.aggregate], now=context.now)
    aggregate = fill(STAT_AGGREGATES[event.aggregate], value=value)
    template = "{aggregate} FILTER (WHERE {has_name})"
    return fill(template, aggregate=aggregate, has_name=_stat_name_condition(names))


def event_column(event: EventLeaf, names: list[EventNameRef], context: Context) -> Fragment:
    """Return the aggregate of a leaf over those events `e` of one profile that it counts."""
    aggregate = fill(EVENT_AGGREGATES[event.aggregate], number=_number(event, names))
    where = event_condition(event, names, context)
    return fill("{aggregate} FILTER (WHERE {where})", aggregate=aggregate, where=where)


def quantity(event: EventLeaf, names: list[EventNameRef]) -> Fragment:
    """Return the aggregate of a leaf over all events `e` of one profile."""
    return fill(EVENT_AGGREGATES[event.aggregate], number=_number(event, names))


def _number(event: EventLeaf, names: list[EventNameRef]) -> Fragment:
    """Return the number to aggregate, NULL for events where the property is not a number."""
    # These aggregates have no number in their template, so this goes nowhere.
    if event.property is None:
        return FALSE
    # The same number without reading the JSON.
    if _is_value_property(event, names):
        return Fragment("e.value")
    element = Element(ROOT_DOCUMENTS[nodes.Root.PROPERTIES], event.property)
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
        case Aggregate.COUNT | Aggregate.SUM:
            return test_number(fill("coalesce({quantity}, 0)", quantity=quantity), event.test)
        case Aggregate.MIN | Aggregate.MAX:
            return test_number(quantity, event.test)
        case Aggregate.FIRST_AT | Aggregate.LAST_AT:
            return test_moment(quantity, event.test, context)
        case _:
            assert_never(event.aggregate)


def passes_without_events(event: EventLeaf) -> bool:
    """Whether a profile without matching events passes the test, before any negation.

    Its count and sum are 0; any other aggregate is missing.
    """
    if event.aggregate not in (Aggregate.COUNT, Aggregate.SUM):
        return False
    match event.test:
        case nodes.Exists():
            return True
        case nodes.Equals(Decimal() as operand):
            return operand == 0
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


def event_condition(event: EventLeaf, names: list[EventNameRef], context: Context) -> Fragment:
    """Return the condition that a leaf counts event `e`."""
    checks = [name_condition(names), *_window_conditions(event.window, context)]
    if event.where is not None:
        checks.append(compile_where(event.where, context))
    return all_of(checks)


def name_condition(names: list[EventNameRef]) -> Fragment:
    """Return the condition that event `e` has one of the names."""
    if len(names) == 1:
        return fill("e.name_id = {id}::bigint", id=names[0].id)
    return fill("e.name_id = ANY({ids}::bigint[])", ids=[ref.id for ref in names])


def compile_where(where: nodes.Where, context: Context) -> Fragment:
    """Return the condition that event `e` passes the `where` of a leaf."""
    return compile_tree(where, lambda leaf: _compile_field(leaf, context))


def _compile_field(leaf: nodes.FieldLeaf, context: Context) -> Fragment:
    test = test_element(Element(ROOT_DOCUMENTS[leaf.root], leaf.key), leaf.test, context)
    return negate(test) if leaf.is_negated else test


def _window_conditions(window: nodes.Last | nodes.Range | None, context: Context) -> list[Fragment]:
    checks = [fill('e."timestamp" <= {now}::timestamptz', now=context.now)]
    match window:
        case None:
            pass
        case nodes.Last(duration):
            checks += _last_conditions(duration, context)
        case nodes.Range(start, end):
            if start is not None:
                moment = operand_span(start, context).start
                checks.append(fill('e."timestamp" >= {start}::timestamptz', start=moment))
            if end is not None:
                moment = operand_span(end, context).start
                checks.append(fill('e."timestamp" < {end}::timestamptz', end=moment))
        case _:
            assert_never(window)
    return checks


def _last_conditions(duration: nodes.Duration, context: Context) -> list[Fragment]:
    """Return the conditions for now < timestamp + duration."""
    edge = context.now - length_of(duration)
    after = 'e."timestamp" > {edge}::timestamptz'
    if not months_in(duration):
        return [fill(after, edge=edge)]
    # Adding months is slow in SQL, so it is done only for events near the edge. The first condition
    # can use an index, which the addition cannot.
    leaves_at = add_to_instant(Fragment('e."timestamp"'), duration, context)
    near_edge = fill(
        '(e."timestamp" > {certain}::timestamptz OR {leaves_at} > {now}::timestamptz)',
        certain=edge + MONTH_SLACK,
        leaves_at=leaves_at,
        now=context.now,
    )
    return [fill(after, edge=edge - MONTH_SLACK), near_edge]


def earliest_counted(event: EventLeaf, context: Context) -> datetime | None:
    """Return an instant before which the leaf counts no event; None if it may count any."""
    match event.window:
        case nodes.Last(duration):
            slack = MONTH_SLACK if months_in(duration) else timedelta()
            return context.now - length_of(duration) - slack
        case nodes.Range(start, _) if start is not None:
            return operand_span(start, context).start
        case _:
            return None
