"""Compiling leaves about sessions: events of one source that follow one another without a gap.

An event starts a session if the one before it, of the same person and source, is as long ago as the
source's gap, or if there is none. A session belongs to the window of its start, and runs for a day
at most. So reading a gap before the window and a day after it is enough.
"""

from collections.abc import Sequence
from datetime import timedelta

from segments.compiler import events
from segments.compiler.context import Context
from segments.compiler.fragments import FALSE, TRUE, Fragment, all_of, fill, negate
from segments.compiler.where import compile_where
from segments.compiler.windows import earliest_counted, window_conditions
from segments.language import nodes
from segments.language.nodes import EventLeaf, SessionLeaf

# Sessions as rows: `timestamp` is their start, and `passes` tells whether their first event does.
SESSIONS = """
SELECT c.profile_id, c.started_at AS "timestamp", bool_or(c.passes AND c.starts) AS passes,
    extract(epoch FROM max(c.at) - c.started_at)::numeric AS duration,
    count(*) FILTER (WHERE c.is_page)::numeric AS pages
FROM (
    SELECT b.*, max(b.at) FILTER (WHERE b.starts) OVER earlier AS started_at,
        count(*) FILTER (WHERE b.starts) OVER earlier AS number
    FROM (
        SELECT e.profile_id, e.source_id, e."timestamp" AS at, e.arrival, e.id,
            e.name_id = ANY({pages}::bigint[]) AS is_page, {passes} AS passes,
            coalesce(e."timestamp" - lag(e."timestamp") OVER follows >= {gap}, TRUE) AS starts
        FROM profiles_event e WHERE {checks}
        WINDOW follows AS (PARTITION BY e.profile_id, e.source_id
            ORDER BY e."timestamp", e.arrival, e.id)
    ) AS b
    WINDOW earlier AS (PARTITION BY b.profile_id, b.source_id
        ORDER BY b.at, b.arrival, b.id
        ROWS UNBOUNDED PRECEDING)
) AS c
WHERE c.at <= c.started_at + interval '24 hours'
GROUP BY c.profile_id, c.source_id, c.number, c.started_at
"""
GAP = """({minutes}::int[])[array_position({sources}::bigint[], e.source_id)]
    * interval '1 minute'"""


def compile_session(leaf: SessionLeaf, context: Context, ids: Sequence[int] | None) -> Fragment:
    """Return the condition that the aggregate of the sessions of `p` passes the test."""
    counted = _counted(leaf)
    is_complement = events.passes_without_events(counted)
    if not context.session_gaps:
        return TRUE if is_complement != leaf.is_negated else FALSE
    test = events.test_quantity(counted, _quantity(leaf), context)
    in_set = fill(
        "(p.id IN (SELECT e.profile_id FROM ({sessions}) AS e WHERE {window}"
        " GROUP BY e.profile_id HAVING {test}))",
        sessions=_sessions(leaf, context, ids),
        window=_window(leaf, context),
        test=negate(test) if is_complement else test,
    )
    return negate(in_set) if is_complement != leaf.is_negated else in_set


def session_quantity(leaf: SessionLeaf, context: Context, ids: Sequence[int]) -> Fragment:
    """Return the aggregate of the sessions of these profiles."""
    if not context.session_gaps:
        return Fragment("NULL")
    return fill(
        "(SELECT {value} FROM ({sessions}) AS e WHERE {window})",
        value=events.quantity_text(_counted(leaf), _quantity(leaf)),
        sessions=_sessions(leaf, context, ids),
        window=_window(leaf, context),
    )


def _counted(leaf: SessionLeaf) -> EventLeaf:
    """Return the leaf that tests the same aggregate of events."""
    return EventLeaf("*", None, leaf.aggregate, None, leaf.test)


def _quantity(leaf: SessionLeaf) -> Fragment:
    value = Fragment("e.pages" if leaf.property is nodes.SessionMeasure.PAGES else "e.duration")
    return fill(events.AGGREGATES[leaf.aggregate], value=value, filter=Fragment(""))


def _window(leaf: SessionLeaf, context: Context) -> Fragment:
    return all_of([*window_conditions(leaf.window, context), Fragment("e.passes")])


def _sessions(leaf: SessionLeaf, context: Context, ids: Sequence[int] | None) -> Fragment:
    sources = sorted(context.session_gaps)
    checks = [
        fill("e.source_id = ANY({sources}::bigint[])", sources=sources),
        *window_conditions(None, context),
    ]
    if (start := earliest_counted(leaf.window, context)) is not None:
        longest = timedelta(minutes=max(context.session_gaps.values()))
        checks.append(fill('e."timestamp" >= {start}::timestamptz', start=start - longest))
    if ids is not None:
        checks.append(fill("e.profile_id = ANY({ids}::bigint[])", ids=list(ids)))
    kinds = (nodes.Kind.PAGE, nodes.Kind.SCREEN)
    return fill(
        SESSIONS,
        pages=[ref.id for (kind, _), ref in context.names.items() if kind in kinds],
        passes=TRUE if leaf.where is None else compile_where(leaf.where, context),
        gap=fill(
            GAP, minutes=[context.session_gaps[source] for source in sources], sources=sources
        ),
        checks=all_of(checks),
    )
