"""Compiling sequences of events: one pass over a person's events for each step, and no join.

A row is an event that one step matches. Its `until` says how long the next step may come: it is
NULL where no chain of events leads to it. A pass gives a step's rows their `until`, from the latest
one of the earlier rows of the step before. So a person with n events costs n times the steps.

Where steps are compared with the first one (`same`), each value has passes of its own. A step that
is not compared has its rows with every value that leads through the others, so that a person costs
their number of such values as many times.
"""

from collections.abc import Sequence

from segments.compiler.context import Context, event_name_refs
from segments.compiler.dates import add_to_instant
from segments.compiler.elements import Element, json_value
from segments.compiler.fragments import FALSE, Fragment, all_of, fill, join_fragments
from segments.compiler.histories import filter_conditions
from segments.compiler.where import EVENT
from segments.compiler.windows import earliest_counted, window_conditions
from segments.language import nodes
from segments.language.filters import filter_of
from segments.language.nodes import SequenceLeaf, SpreadPath, Step

ROWS = """
SELECT e.profile_id, {key} AS key, e."timestamp" AS at, e.arrival, e.id,
    {step}::int AS step, {until}::timestamptz AS until
FROM profiles_event e{values} WHERE {checks}
"""
# The values of the first step's rows. Only single values are compared.
IS_COMPARED = "jsonb_typeof(same.key) IN ('string', 'number', 'boolean')"
# Events of one instant that arrived as one are peers, and none follows the other.
PASS = """
SELECT r.profile_id, r.key, r.at, r.arrival, r.id, r.step,
    CASE WHEN r.step <> {step}::int THEN r.until
        WHEN r.at < max(r.until) FILTER (WHERE r.step = {step}::int - 1) OVER earlier
        THEN {until}::timestamptz END AS until
FROM ({rows}) AS r
WINDOW earlier AS (PARTITION BY r.profile_id, r.key
    ORDER BY r.at, r.arrival, r.id
    GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
"""
# Gives the first event after each row that must be absent. Backwards, so that the frame only grows:
# one whose start moves would be read anew for each row.
ABSENCE = """
SELECT r.profile_id, r.step, r.until,
    min(r.at) FILTER (WHERE r.step = {absent}::int) OVER later AS prevented_at
FROM ({rows}) AS r
WINDOW later AS (PARTITION BY r.profile_id, r.key
    ORDER BY r.at DESC, r.arrival DESC, r.id DESC
    GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
"""
IN_CHAINS = """
(p.id IN (SELECT c.profile_id FROM ({chains}) AS c WHERE c.step = {last}::int AND {ends}))
"""


def compile_sequence(leaf: SequenceLeaf, context: Context, ids: Sequence[int] | None) -> Fragment:
    """Return the condition that some chain of events of `p` goes through all steps."""
    if not all(event_name_refs(filter_of(step), context) for step in leaf.steps):
        return FALSE
    chains, last = _chains(leaf, context, ids), len(leaf.steps)
    if leaf.absent is None:
        ends = Fragment("c.until IS NOT NULL")
        return fill(IN_CHAINS, chains=chains, last=last, ends=ends)
    ends = fill(
        "c.until <= {now}::timestamptz AND coalesce(c.prevented_at >= c.until, TRUE)",
        now=context.now,
    )
    chains = fill(ABSENCE, rows=chains, absent=last + 1)
    return fill(IN_CHAINS, chains=chains, last=last, ends=ends)


def count_steps(leaf: SequenceLeaf, context: Context, ids: Sequence[int]) -> Fragment:
    """Return how many steps the longest chain of these profiles goes through."""
    if not event_name_refs(filter_of(leaf.steps[0]), context):
        return Fragment("0")
    return fill(
        "(SELECT coalesce(max(c.step), 0) FROM ({chains}) AS c WHERE c.until IS NOT NULL)",
        chains=_chains(leaf, context, ids),
    )


def _chains(leaf: SequenceLeaf, context: Context, ids: Sequence[int] | None) -> Fragment:
    """Return a SELECT of the rows of all steps, those that a chain leads to with their `until`."""
    rows = join_fragments(" UNION ALL ", _rows(leaf, context, ids))
    for number in range(2, len(leaf.steps) + 1):
        until = _until(leaf, number, Fragment("r.at"), context)
        rows = fill(PASS, rows=rows, step=number, until=until)
    return rows


def _until(leaf: SequenceLeaf, number: int, at: Fragment, context: Context) -> Fragment:
    """Return how long the step after this one may come; for ever after the last one."""
    following = [*leaf.steps[1:], leaf.absent][number - 1]
    if following is None or following.within is None:
        return Fragment("'infinity'")
    return add_to_instant(at, following.within, context)


def _rows(leaf: SequenceLeaf, context: Context, ids: Sequence[int] | None) -> list[Fragment]:
    """Return a SELECT of the rows of each step."""
    steps = [*leaf.steps, *([leaf.absent] if leaf.absent else [])]
    of_first = next((step.same.of_first for step in steps if step.same is not None), None)
    key, values = _key(of_first)
    first = fill(
        ROWS,
        key=key,
        step=1,
        until=_until(leaf, 1, Fragment('e."timestamp"'), context),
        values=values,
        checks=all_of([*_step_checks(leaf, steps[0], context, ids), *_compared(of_first)]),
    )
    # An unknown event has no rows.
    later = [
        (number, step)
        for number, step in enumerate(steps[1:], 2)
        if event_name_refs(filter_of(step), context)
    ]
    compared = {
        number: _later_rows(leaf, (number, step), context, ids)
        for number, step in later
        if step.same is not None
    }
    # Only a value that all present steps have leads through them.
    shared = [first, *(rows for number, rows in compared.items() if number <= len(leaf.steps))]
    free = {
        number: _later_rows(leaf, (number, step), context, ids, shared if of_first else ())
        for number, step in later
        if step.same is None
    }
    return [first, *compared.values(), *free.values()]


def _later_rows(
    leaf: SequenceLeaf,
    numbered: tuple[int, Step],
    context: Context,
    ids: Sequence[int] | None,
    shared: Sequence[Fragment] = (),
) -> Fragment:
    """Return a SELECT of the rows of a step, with each value that all of `shared` have."""
    number, step = numbered
    key, values = _key(step.same.property if step.same else None)
    if shared:
        keys = join_fragments(
            " INTERSECT ",
            (fill("SELECT f.profile_id, f.key FROM ({rows}) AS f", rows=rows) for rows in shared),
        )
        key = Fragment("same.key")
        template = " JOIN ({keys}) AS same ON same.profile_id = e.profile_id"
        # Each value once: one of the first step alone may come several times.
        values = fill(template, keys=fill("SELECT DISTINCT k.* FROM ({keys}) AS k", keys=keys))
    checks = [*_step_checks(leaf, step, context, ids), *_compared(step.same)]
    return fill(
        ROWS, key=key, step=number, until=Fragment("NULL"), values=values, checks=all_of(checks)
    )


def _step_checks(
    leaf: SequenceLeaf, step: Step, context: Context, ids: Sequence[int] | None
) -> list[Fragment]:
    checks = filter_conditions(filter_of(step), context, ids)
    if step is leaf.steps[0]:
        return [*checks, *window_conditions(leaf.window, context)]
    checks += window_conditions(None, context)
    # Later steps come after the first.
    if (start := earliest_counted(leaf.window, context)) is not None:
        checks.append(fill('e."timestamp" >= {start}::timestamptz', start=start))
    return checks


def _compared(same: object) -> list[Fragment]:
    return [] if same is None else [Fragment(IS_COMPARED)]


def _key(path: SpreadPath | None) -> tuple[Fragment, Fragment]:
    """Return the value that an event is compared by, and the join that gives it."""
    if path is None:
        return Fragment("NULL::jsonb"), Fragment("")
    join = fill(" CROSS JOIN LATERAL ({values}) AS same (key)", values=_values(path))
    return Fragment("same.key"), join


def _values(path: SpreadPath) -> Fragment:
    """Return a SELECT of the values at a path of an event's properties, once for each element."""
    value = EVENT[nodes.Root.PROPERTIES]
    froms: list[Fragment] = []
    for step in path:
        if step is None:
            items = fill(
                "jsonb_array_elements(CASE WHEN jsonb_typeof({value}) = 'array' THEN {value}"
                " ELSE '[]'::jsonb END) AS item (value)",
                value=value,
            )
            # Each list is inside a SELECT of the elements of the one before.
            froms.append(items)
            value = Fragment("item.value")
        else:
            value = json_value(Element(value, (step,)))
    select = fill("SELECT {value} AS value", value=value)
    for items in reversed(froms):
        select = fill(
            "SELECT inside.value FROM {items} CROSS JOIN LATERAL ({select}) AS inside (value)",
            items=items,
            select=select,
        )
    return select
