"""Verifying memberships: comparing the stored ones with a full evaluation.

Invariant: both are read from one snapshot. Profiles that wait in a queue, or that may have changed
by time since the last look, are not counted as drift.
"""

from datetime import datetime

from django.conf import settings
from django.db import connection, transaction

from profiles.lib.database import time_limit
from profiles.lib.faults import fault_of
from segments.compiler import (
    Context,
    Fragment,
    Period,
    compile_everyone,
    fill,
    join_fragments,
    select_due,
)
from segments.compiler.people import expanded_leaves
from segments.definitions.boundaries import count_above, rank_leaves
from segments.definitions.live import (
    LiveSegment,
    make_context,
    read_live_definitions,
)
from segments.language.nodes import RankLeaf
from segments.lib.moments import evaluation_time
from segments.lib.sql import RAISE_WORK_MEM
from segments.memberships import sql
from segments.models import Segment


def verify_memberships(*, now: datetime | None = None) -> dict[str, int | None]:
    """Return, by segment key, how many profiles are wrongly in or out of each live segment.

    None stands for a segment that is set apart or cannot be evaluated.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(RAISE_WORK_MEM)
        live, moment = read_live_definitions(), evaluation_time(now)
        context = make_context(live.nodes, now=moment)
        missing = Segment.objects.filter(pk__in=[*live.failed, *live.unreadable])
        drift: dict[str, int | None] = dict.fromkeys(missing.values_list("key", flat=True))
        return drift | {segment.key: _drift(segment, context) for segment in live.segments}


def true_shares(*, now: datetime | None = None) -> dict[str, str]:
    """Return, by the key of each segment with ranks, how many people are above the boundaries."""
    live, moment = read_live_definitions(), evaluation_time(now)
    context = make_context(live.nodes, now=moment)
    shares = {}
    for segment in live.segments:
        if ranks := [leaf for leaf in rank_leaves(segment.node) if leaf.boundary is not None]:
            shares[segment.key] = "; ".join(_share(leaf, context) for leaf in ranks)
    return shares


def _share(leaf: RankLeaf, context: Context) -> str:
    people, holding = count_above(leaf, context)
    share = 100 * holding / people if people else 0
    return f"top {leaf.top} %: {share:.3g} % have {leaf.boundary} or more"


def _drift(segment: LiveSegment, context: Context) -> int | None:
    try:
        with time_limit(settings.SEGMENT_BUILD_SECONDS), connection.cursor() as cursor:
            statement = _drift_statement(segment, context)
            cursor.execute(statement.text, statement.params)
            (drift,) = cursor.fetchone()
            return int(drift)
    except Exception as error:
        # Any fault of this one; an outage is raised again.
        fault_of(error)
        return None


def _drift_statement(segment: LiveSegment, context: Context) -> Fragment:
    leaves = expanded_leaves(segment.node, context)
    due = select_due(leaves, Period(segment.evaluated_at, context))
    unions = [
        fill("UNION SELECT due.id FROM ({select}) AS due (id, at)", select=select) for select in due
    ]
    return fill(
        sql.DRIFT,
        now=context.now,
        unions=join_fragments(" ", unions),
        condition=compile_everyone(segment.node, context),
        segment=segment.id,
    )
