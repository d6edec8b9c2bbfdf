"""Event leaves: which events count, what they come to, and the two ways to ask it.

Invariant: nothing counts an event after `now`. The set form asks everybody (`p.id IN (SELECT … HAVING …)`); the scoped form asks a
few profiles by an aggregate per leaf over one read of their events. People without events pass exactly the tests that 0, or
a missing value, passes.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import assert_never

from segments.compiler.context import Context, EventNameRef, names_of, span_of
from segments.compiler.fragments import (
    FALSE,
    TRUE,
    Fragment,
    all_of,
    fill,
    negated,
)
from segments.compiler.trees import compile_tree
from segments.compiler.values import (
    Element,
    added,
    is_type,
    json_value,
    test_element,
    test_moment,
    test_number,
)
from segments.language import nodes
from segments.language.calendar import MONTH_SLACK, months_of, seconds_of
from segments.language.nodes import Aggregate, EventLeaf

ROOTS = {
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
# What a row of statistics says as of `now`. A row that reaches beyond it is read from its events again.
STAT_VALUES = {
    Aggregate.COUNT: """CASE WHEN s.last_at <= {now}::timestamptz THEN s.count ELSE (
        SELECT count(*) FROM profiles_event e
        WHERE e.profile_id = s.profile_id AND e.name_id = s.name_id AND e."timestamp" <= {now}::timestamptz) END""",
    Aggregate.SUM: """CASE WHEN s.last_at <= {now}::timestamptz THEN s.sum ELSE (
        SELECT coalesce(sum(e.value), 0) FROM profiles_event e
        WHERE e.profile_id = s.profile_id AND e.name_id = s.name_id AND e."timestamp" <= {now}::timestamptz) END""",
    Aggregate.FIRST_AT: "CASE WHEN s.first_at <= {now}::timestamptz THEN s.first_at END",
    Aggregate.LAST_AT: """CASE WHEN s.last_at <= {now}::timestamptz THEN s.last_at ELSE (
        SELECT max(e."timestamp") FROM profiles_event e
        WHERE e.profile_id = s.profile_id AND e.name_id = s.name_id AND e."timestamp" <= {now}::timestamptz) END""",
}
STAT_AGGREGATES = {
    Aggregate.COUNT: "sum({value})",
    Aggregate.SUM: "sum({value})",
    Aggregate.FIRST_AT: "min({value})",
    Aggregate.LAST_AT: "max({value})",
}


def compile_for_everyone(event: EventLeaf, context: Context) -> Fragment:
    """The leaf as a test of `p.id` against the set of all whose events pass."""
    names = names_of(event, context)
    if not names:
        return _for_nobody(event)
    is_complement = passes_without_events(event)
    select = _stat_set if reads_statistics(event, names, context) else _event_set
    found = fill("p.id IN ({ids})", ids=select(event, names, context, is_complement))
    is_outside = is_complement != event.is_negated
    return fill("(NOT {found})", found=found) if is_outside else fill("({found})", found=found)


def _for_nobody(event: EventLeaf) -> Fragment:
    return TRUE if passes_without_events(event) != event.is_negated else FALSE


def _event_set(
    event: EventLeaf, names: list[EventNameRef], context: Context, is_complement: bool
) -> Fragment:
    """The profiles whose events pass; of a complement, those whose events do not."""
    where = event_condition(event, names, context)
    if _is_once(event) and not is_complement:
        return fill("SELECT e.profile_id FROM profiles_event e WHERE {where}", where=where)
    test = test_quantity(event, quantity(event, names), context)
    return fill(
        "SELECT e.profile_id FROM profiles_event e WHERE {where} GROUP BY e.profile_id HAVING {test}",
        where=where,
        test=negated(test) if is_complement else test,
    )


def _stat_set(
    event: EventLeaf, names: list[EventNameRef], context: Context, is_complement: bool
) -> Fragment:
    value = fill(STAT_VALUES[event.aggregate], now=context.now)
    is_single = len(names) == 1
    asked = value if is_single else fill(STAT_AGGREGATES[event.aggregate], value=value)
    test = test_quantity(event, fill("({asked})", asked=asked), context)
    return fill(
        "SELECT s.profile_id FROM profiles_eventstat s WHERE {named} AND {test}"
        if is_single
        else "SELECT s.profile_id FROM profiles_eventstat s WHERE {named} GROUP BY s.profile_id HAVING {test}",
        named=_stat_names(names),
        test=negated(test) if is_complement else test,
    )


def _stat_names(names: list[EventNameRef]) -> Fragment:
    return fill("s.name_id = ANY({ids}::bigint[])", ids=[ref.id for ref in names])


def _is_once(event: EventLeaf) -> bool:
    """Whether the leaf asks for one event or more, so that nothing needs to be counted."""
    match event.test:
        case nodes.Compare(nodes.Comparison.GTE, Decimal() as least):
            return event.aggregate is Aggregate.COUNT and 0 < least <= 1
        case nodes.Compare(nodes.Comparison.GT, Decimal() as least):
            return event.aggregate is Aggregate.COUNT and 0 <= least < 1
        case _:
            return False


def stat_column(event: EventLeaf, names: list[EventNameRef], context: Context) -> Fragment:
    """The leaf's quantity over the rows of statistics `s` of one profile."""
    value = fill(STAT_VALUES[event.aggregate], now=context.now)
    aggregate = fill(STAT_AGGREGATES[event.aggregate], value=value)
    template = "{aggregate} FILTER (WHERE {named})"
    return fill(template, aggregate=aggregate, named=_stat_names(names))


def event_column(event: EventLeaf, names: list[EventNameRef], context: Context) -> Fragment:
    """The leaf's quantity over the events `e` of one profile."""
    aggregate = fill(EVENT_AGGREGATES[event.aggregate], number=_number(event, names))
    where = event_condition(event, names, context)
    return fill("{aggregate} FILTER (WHERE {where})", aggregate=aggregate, where=where)


def quantity(event: EventLeaf, names: list[EventNameRef]) -> Fragment:
    """What the matching events of one profile come to."""
    return fill(EVENT_AGGREGATES[event.aggregate], number=_number(event, names))


def _number(event: EventLeaf, names: list[EventNameRef]) -> Fragment:
    """The property's number, NULL where it is none; from the value column where that is the same."""
    if event.property is None:
        return FALSE
    if _is_value(event, names):
        return Fragment("e.value")
    element = Element(ROOTS[nodes.Root.PROPERTIES], event.property)
    return fill(
        "CASE WHEN {is_number} THEN {value}::numeric END",
        is_number=is_type(element, "number"),
        value=json_value(element),
    )


def _is_value(event: EventLeaf, names: list[EventNameRef]) -> bool:
    return all(event.property == (ref.value_property,) for ref in names)


def test_quantity(event: EventLeaf, asked: Fragment, context: Context) -> Fragment:
    """Whether the quantity passes, before any negation."""
    match event.aggregate:
        case Aggregate.COUNT | Aggregate.SUM:
            return test_number(fill("coalesce({asked}, 0)", asked=asked), event.test)
        case Aggregate.MIN | Aggregate.MAX:
            return test_number(asked, event.test)
        case Aggregate.FIRST_AT | Aggregate.LAST_AT:
            return test_moment(asked, event.test, context)
        case _:
            assert_never(event.aggregate)


def passes_without_events(event: EventLeaf) -> bool:
    """Whether no events pass the test: as 0 for count and sum, as a missing value for the others."""
    if event.aggregate not in (Aggregate.COUNT, Aggregate.SUM):
        return False
    match event.test:
        case nodes.Exists():
            return True
        case nodes.Equals(Decimal() as operand):
            return operand == 0
        case nodes.Compare(operator, Decimal() as operand):
            return _is_so(operator, operand)
        case nodes.Between(low, high):
            return low <= 0 <= high
        case _:
            raise ValueError("The parser lets no other test of a number through.")


def _is_so(operator: nodes.Comparison, operand: Decimal) -> bool:
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


def reads_statistics(event: EventLeaf, names: list[EventNameRef], context: Context) -> bool:
    """Whether statistics answer the leaf: no window, no `where`, and a sum only of the value that is kept."""
    is_kept = event.aggregate in STAT_VALUES
    is_sum_of_other = event.aggregate is Aggregate.SUM and not _is_value(event, names)
    is_whole = event.window is None and event.where is None
    return context.is_present and is_whole and is_kept and not is_sum_of_other


def event_condition(event: EventLeaf, names: list[EventNameRef], context: Context) -> Fragment:
    """Which events `e` the leaf counts."""
    checks = [named_events(names), *_window(event.window, context)]
    if event.where is not None:
        checks.append(compile_where(event.where, context))
    return all_of(checks)


def named_events(names: list[EventNameRef]) -> Fragment:
    if len(names) == 1:
        return fill("e.name_id = {id}::bigint", id=names[0].id)
    return fill("e.name_id = ANY({ids}::bigint[])", ids=[ref.id for ref in names])


def compile_where(where: nodes.Where, context: Context) -> Fragment:
    return compile_tree(where, lambda leaf: _field(leaf, context))


def _field(leaf: nodes.FieldLeaf, context: Context) -> Fragment:
    test = test_element(Element(ROOTS[leaf.root], leaf.key), leaf.test, context)
    return negated(test) if leaf.is_negated else test


def _window(window: nodes.Last | nodes.Range | None, context: Context) -> list[Fragment]:
    checks = [fill('e."timestamp" <= {now}::timestamptz', now=context.now)]
    match window:
        case None:
            pass
        case nodes.Last(duration):
            checks += _last(duration, context)
        case nodes.Range(start, end):
            if start is not None:
                moment = span_of(start, context).start
                checks.append(fill('e."timestamp" >= {start}::timestamptz', start=moment))
            if end is not None:
                moment = span_of(end, context).start
                checks.append(fill('e."timestamp" < {end}::timestamptz', end=moment))
        case _:
            assert_never(window)
    return checks


def _last(duration: nodes.Duration, context: Context) -> list[Fragment]:
    """`now < timestamp + duration`. Months are added event by event only where the calendar could tip the balance."""
    edge = context.now - seconds_of(duration)
    after = 'e."timestamp" > {edge}::timestamptz'
    if not months_of(duration):
        return [fill(after, edge=edge)]
    left = added(Fragment('e."timestamp"'), duration, context)
    tipping = fill(
        '(e."timestamp" > {sure}::timestamptz OR {left} > {now}::timestamptz)',
        sure=edge + MONTH_SLACK,
        left=left,
        now=context.now,
    )
    return [fill(after, edge=edge - MONTH_SLACK), tipping]


def earliest(event: EventLeaf, context: Context) -> datetime | None:
    """No event before this instant counts; None where any may."""
    match event.window:
        case nodes.Last(duration):
            slack = MONTH_SLACK if months_of(duration) else timedelta()
            return context.now - seconds_of(duration) - slack
        case nodes.Range(start, _) if start is not None:
            return span_of(start, context).start
        case _:
            return None
