"""Stored memberships compared with a full evaluation: the drift of each segment must be 0.

Invariant: one snapshot. Whoever waits in a queue, or may flip since the last look at the clock, is no drift.
"""

from datetime import datetime

from django.db import connection, transaction

from segments.compiler import Context, Fragment, compile_everyone, fill, joined, select_due
from segments.compiler.people import expanded_leaves
from segments.definitions.live import Live, LiveSegment, context_of, read_live
from segments.memberships import sql
from segments.memberships.locks import clock


def verify_memberships(*, now: datetime | None = None) -> dict[str, int]:
    """How many profiles are wrongly in or out of each live segment, by its key."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.RAISE_WORK_MEM)
        live, moment = read_live(), clock(now)
        context = context_of(live.nodes, now=moment)
        drift = {}
        for segment in live.segments:
            statement = _drift(segment, live, context)
            cursor.execute(statement.text, statement.params)
            (drift[segment.key],) = cursor.fetchone()
        return drift


def _drift(segment: LiveSegment, live: Live, context: Context) -> Fragment:
    found = expanded_leaves(segment.node, context)
    due = select_due(found, segment.evaluated_at, context)
    unions = [fill("UNION {select}", select=select) for select in due]
    return fill(
        sql.DRIFT,
        now=context.now,
        selects=joined(" ", unions),
        condition=compile_everyone(segment.node, context),
        segment=segment.id,
    )
