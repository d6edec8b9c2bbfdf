"""Compiling leaves that compare quantities: ranks, the groups of RFM, and life-cycles.

For everybody the quantities are columns of one SELECT over the events of a leaf, for a few profiles
columns of the joins that all leaves share. The test over the columns is the same.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, assert_never

from segments.compiler import events
from segments.compiler.context import Context, EventNameRef, event_name_refs
from segments.compiler.fragments import FALSE, Fragment, all_of, fill, join_fragments
from segments.compiler.histories import name_condition
from segments.compiler.windows import window_conditions
from segments.language import nodes
from segments.language.filters import filter_of
from segments.language.measures import (
    ABSENT_DAYS,
    ACTIVE_DAYS,
    DORMANT_DAYS,
    LOYAL_COUNT,
    NEW_DAYS,
    cells_of,
    measures,
)
from segments.language.nodes import Aggregate, EventLeaf, MeasuredLeaf

# The number of boundaries that a value reaches, and one.
SCORE = "(1 + width_bucket({value}, {boundaries}::{type}[]))"
# 10 R + FM, see `cells_of`.
CELL = "(10 * {r} + ({f} + {m} + 1) / 2)"
# In hours, since days would follow the clocks of a zone.
STAGE = """
(CASE WHEN {first_lately} - {last_before} > {absent}::int * interval '24 hours' THEN 'returned'
    WHEN {now}::timestamptz < {first_at} + {new}::int * interval '24 hours' THEN 'new'
    WHEN {now}::timestamptz < {last_at} + {active}::int * interval '24 hours'
    THEN CASE WHEN {count} >= {loyal}::int THEN 'loyal' ELSE 'active' END
    WHEN {now}::timestamptz < {last_at} + {dormant}::int * interval '24 hours' THEN 'at_risk'
    ELSE 'dormant' END)
"""


class Measured(NamedTuple):
    """What is measured of a person, and the names of the events that it is measured of."""

    event: EventLeaf
    names: list[EventNameRef]


def compile_measured(leaf: MeasuredLeaf, context: Context) -> Fragment:
    """Return the condition of a leaf for any profile, as a test of `p.id` against a set."""
    select = select_measures(leaf, context)
    if select is None:
        return FALSE
    return fill(
        "(p.id IN (SELECT m.profile_id FROM ({select}) AS m WHERE {test}))",
        select=select,
        test=test_measures(leaf, measure_columns(leaf), context),
    )


def select_measures(leaf: MeasuredLeaf, context: Context) -> Fragment | None:
    """Return a SELECT of profile ids with what a leaf measures as c1, c2 and so on.

    It has everybody with an event of that name, and more than the leaf counts. None where no such
    event was ever received, or where the model is missing.
    """
    measured = [
        Measured(event, event_name_refs(filter_of(event), context)) for event in measures(leaf)
    ]
    if not measured or not all(measure.names for measure in measured):
        return None
    if all(events.can_use_statistics(*measure, context) for measure in measured):
        return fill(
            "SELECT s.profile_id, {columns} FROM profiles_eventstat s"
            " WHERE s.name_id = ANY({ids}::bigint[]) GROUP BY s.profile_id",
            columns=numbered(events.stat_column(*measure, context) for measure in measured),
            ids=[ref.id for ref in _all_names(measured)],
        )
    columns, condition = _event_columns(measured, context)
    return fill(
        "SELECT e.profile_id, {columns} FROM profiles_event e WHERE {condition}"
        " GROUP BY e.profile_id",
        columns=numbered(columns),
        condition=condition,
    )


def _event_columns(
    measured: Sequence[Measured], context: Context
) -> tuple[list[Fragment], Fragment]:
    """Return the aggregates of some leaves, and the condition of the events that are read."""
    first = measured[0].event
    windows = {measure.event.window for measure in measured}
    filters = {filter_of(measure.event) for measure in measured}
    if len(windows) == len(filters) == 1:
        columns = [events.quantity(*measure) for measure in measured]
        return columns, events.event_condition(first, context)
    columns = [events.event_column(*measure, context) for measure in measured]
    window = first.window if len(windows) == 1 else None
    names = name_condition(_all_names(measured))
    return columns, all_of([names, *window_conditions(window, context)])


def _all_names(measured: Sequence[Measured]) -> list[EventNameRef]:
    return list(dict.fromkeys(ref for measure in measured for ref in measure.names))


def measure_columns(leaf: MeasuredLeaf) -> list[Fragment]:
    """Return the columns of a leaf's SELECT, whose alias is `m`."""
    return [Fragment("m.c" + str(number)) for number in range(1, len(measures(leaf)) + 1)]


def numbered(columns: Iterable[Fragment]) -> Fragment:
    """Return the columns with the names c1, c2 and so on."""
    return join_fragments(
        ", ",
        (
            fill("{column} AS {name}", column=column, name=Fragment("c" + str(number)))
            for number, column in enumerate(columns, 1)
        ),
    )


def test_measures(leaf: MeasuredLeaf, columns: Sequence[Fragment], context: Context) -> Fragment:
    """Return the condition of a leaf over what it measures. It is never NULL."""
    match leaf:
        case nodes.RankLeaf(boundary=boundary):
            if boundary is None:
                return FALSE
            test = fill("{value} >= {boundary}::numeric", value=columns[0], boundary=boundary)
            return all_of([has_value(leaf, columns), fill("coalesce({test}, FALSE)", test=test)])
        case nodes.RfmLeaf(_, groups, model):
            if model is None or model.boundaries is None:
                return FALSE
            return fill(
                "({has_events} AND {cell} = ANY({cells}::int[]))",
                has_events=has_value(leaf, columns),
                cell=rfm_cell(model.boundaries, columns),
                cells=cells_of(groups),
            )
        case nodes.LifeCycleLeaf(_, _, stages):
            return fill(
                "({has_events} AND {stage} = ANY({stages}::text[]))",
                has_events=has_value(leaf, columns),
                stage=_stage(columns, context),
                stages=[str(stage) for stage in stages],
            )
        case _:
            assert_never(leaf)


def has_value(leaf: MeasuredLeaf, columns: Sequence[Fragment]) -> Fragment:
    """Return the condition that there is something to compare. It is never NULL."""
    match leaf:
        case nodes.RankLeaf(nodes.EventLeaf(aggregate=Aggregate.COUNT | Aggregate.DISTINCT)):
            return fill("coalesce({count} > 0, FALSE)", count=columns[0])
        case nodes.RankLeaf(nodes.EventLeaf(aggregate=Aggregate.NET)):
            # Whoever has a refund alone has nothing that it could reduce.
            return fill("coalesce({count} > 0, FALSE)", count=columns[1])
        case nodes.RankLeaf():
            # Of a sum the second column is a number of it: without one, nothing was added up.
            return fill("{number} IS NOT NULL", number=columns[-1])
        case nodes.RfmLeaf():
            return fill("coalesce({count} > 0, FALSE)", count=columns[1])
        case nodes.LifeCycleLeaf():
            return fill("coalesce({count} > 0, FALSE)", count=columns[2])
        case _:
            assert_never(leaf)


def rfm_cell(boundaries: nodes.Boundaries, columns: Sequence[Fragment]) -> Fragment:
    """Return the cell of a person, see `segments.language.measures.cells_of`."""
    last_at, count, money = columns
    numeric = Fragment("numeric")
    return fill(
        CELL,
        r=fill(
            SCORE,
            value=last_at,
            boundaries=list(boundaries.recency),
            type=Fragment("timestamptz"),
        ),
        f=fill(
            SCORE,
            value=fill("({count})::numeric", count=count),
            boundaries=list(boundaries.frequency),
            type=numeric,
        ),
        m=fill(
            SCORE,
            value=fill("coalesce({money}, 0)", money=money),
            boundaries=list(boundaries.monetary),
            type=numeric,
        ),
    )


def _stage(columns: Sequence[Fragment], context: Context) -> Fragment:
    first_at, last_at, count, first_lately, last_before = columns
    return fill(
        STAGE,
        first_at=first_at,
        last_at=last_at,
        count=count,
        first_lately=first_lately,
        last_before=last_before,
        now=context.now,
        absent=ABSENT_DAYS,
        new=NEW_DAYS,
        active=ACTIVE_DAYS,
        dormant=DORMANT_DAYS,
        loyal=LOYAL_COUNT,
    )
