"""Refreshing memberships: of profiles that changed, and of those that may change as time passes.

Invariant: a transaction locks slots, then claims wake-ups, then reads the clock, and then
evaluates, compares and writes in one statement. Claim and effect commit together, so a worker
killed at any line leaves its work in the queue.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import sample

from django.db import connection, transaction

from profiles.lib.checkpoints import reach
from segments.compiler import (
    Context,
    Fragment,
    compile_scoped,
    expanded_leaves,
    fill,
    join_fragments,
    select_due,
)
from segments.definitions.live import (
    LiveDefinitions,
    LiveSegment,
    make_context,
    read_live_definitions,
)
from segments.language.nodes import PersonLeaf
from segments.lib import checkpoints
from segments.lib.locks import try_slots
from segments.memberships import sql
from segments.memberships.moments import evaluation_time, refuse_far_ahead
from segments.models import MembershipChange

BATCH = 2000
Reason = MembershipChange.Reason


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue of wake-ups.

    `count_by_slot` returns how many wait in each slot at a time. `claim` deletes at most so many of
    some slots at a time, and returns their profiles.
    """

    count_by_slot: Callable[[datetime], dict[int, int]]
    claim: Callable[[Sequence[int], int, datetime], set[int]]
    reason: str


def refresh_changed(*, now: datetime | None = None, limit: int = BATCH) -> int:
    """Evaluate all live segments for the profiles that changed; return the number of evaluations.

    `limit` is the number of wake-ups in one transaction. Slots that another worker has locked are
    left to it. Raises MomentError.
    """
    refuse_far_ahead(now)
    return _work_off(CHANGED, now, limit)


def refresh_due(*, now: datetime | None = None, limit: int = BATCH) -> int:
    """Evaluate the profiles that may have changed by time; return the number of evaluations.

    Raises MomentError.
    """
    refuse_far_ahead(now)
    queue_due(now=now)
    return _work_off(DUE, now, limit)


def _work_off(queue: Queue, now: datetime | None, limit: int) -> int:
    """Evaluate one batch after another until the queue has none that this worker can lock."""
    total = 0
    while evaluated := _evaluate_batch(queue, now, limit):
        total += evaluated
    return total


def _evaluate_batch(queue: Queue, now: datetime | None, limit: int) -> int:
    counts = queue.count_by_slot(evaluation_time(now))
    with transaction.atomic():
        slots = try_slots(_choose_slots(counts, limit))
        if not slots:
            return 0
        ids = queue.claim(slots, limit, evaluation_time(now))
        if ids:
            reach(checkpoints.CLAIMED, ids)
            # The clock is read again: claiming may have waited, and another refresh moved it on.
            evaluate(sorted(ids), reason=queue.reason, now=evaluation_time(now))
            reach(checkpoints.EVALUATED, ids)
        return len(ids)


def _choose_slots(counts: dict[int, int], limit: int) -> list[int]:
    """Return slots with about as many wake-ups as one transaction takes.

    They are chosen at random, so that several workers try different ones.
    """
    slots, work = [], 0
    for slot in sample(sorted(counts), len(counts)):
        if work >= limit:
            break
        slots.append(slot)
        work += counts[slot]
    return slots


def evaluate(ids: Sequence[int], *, reason: str, now: datetime) -> None:
    """Evaluate all live segments for these profiles and write the memberships that changed.

    The caller has locked their slots and claimed their wake-ups.
    """
    live = read_live_definitions()
    with connection.cursor() as cursor:
        # Also without live segments: one may be under construction in a rebuild.
        cursor.execute(sql.NOTE_EVALUATED, [list(ids)])
        if not live.segments:
            return
        statement = _refresh_statement(live, ids, reason, now)
        cursor.execute(statement.text, statement.params)
        size_changes = cursor.fetchall()
        cursor.execute(sql.WAKE_FOR_EVENTS, {"ids": list(ids), "now": now})
        _add_to_sizes(size_changes, now)


def _refresh_statement(
    live: LiveDefinitions, ids: Sequence[int], reason: str, now: datetime
) -> Fragment:
    context = make_context(live.nodes, now=now)
    scoped = compile_scoped([segment.node for segment in live.segments], ids, context)
    conditions = (
        fill("({segment}::bigint, {condition})", segment=segment.id, condition=condition)
        for segment, condition in zip(live.segments, scoped.conditions, strict=True)
    )
    return fill(
        sql.REFRESH,
        joins=scoped.joins,
        conditions=join_fragments(", ", conditions),
        ids=list(ids),
        segments=[segment.id for segment in live.segments],
        now=now,
        reason=reason,
    )


def _add_to_sizes(size_changes: Iterable[tuple[int, int]], now: datetime) -> None:
    """Add (segment id, difference) pairs to the sizes of segments."""
    changes = sorted(size_changes)
    if not changes:
        return
    ids = [segment_id for segment_id, _ in changes]
    with connection.cursor() as cursor:
        cursor.execute(sql.LOCK_SEGMENTS, [ids])
        cursor.execute(sql.ADD_TO_SIZES, [now, ids, [difference for _, difference in changes]])


@transaction.atomic
def queue_due(*, now: datetime | None = None) -> None:
    """Queue the profiles that may change between each segment's clock and now; set the clocks."""
    live, moment = read_live_definitions(), evaluation_time(now)
    segments = [segment for segment in live.segments if segment.evaluated_at < moment]
    if not segments:
        return
    ids = [segment.id for segment in segments]
    with connection.cursor() as cursor:
        for select in due_selects(segments, make_context(live.nodes, now=moment)):
            statement = fill(sql.WAKE_DUE, now=moment, selects=select)
            cursor.execute(statement.text, statement.params)
        cursor.execute(sql.LOCK_SEGMENTS, [ids])
        versions = [segment.version for segment in segments]
        clocks = [segment.evaluated_at for segment in segments]
        cursor.execute(sql.ADVANCE_CLOCKS, [moment, moment, ids, versions, clocks])
        cursor.execute(sql.MEASURE_SIZES, [moment, ids])


def due_selects(segments: Sequence[LiveSegment], context: Context) -> list[Fragment]:
    """Return SELECTs of the profiles that may change between the segments' clocks and now."""
    # By clock, so that a leaf which several segments have in common is selected once.
    leaves_by_clock: dict[datetime, list[PersonLeaf]] = {}
    for segment in segments:
        leaves = expanded_leaves(segment.node, context)
        leaves_by_clock.setdefault(segment.evaluated_at, []).extend(leaves)
    return [
        select
        for since, leaves in leaves_by_clock.items()
        for select in select_due(leaves, since, context)
    ]


def _count_changed(now: datetime) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(sql.CHANGED_SLOTS, [])
        return dict(cursor.fetchall())


def _count_due(now: datetime) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(sql.DUE_SLOTS, [now])
        return dict(cursor.fetchall())


def _claim_changed(slots: Sequence[int], limit: int, now: datetime) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql.CLAIM_CHANGED, [list(slots), limit])
        return {profile_id for (profile_id,) in cursor.fetchall()}


def _claim_due(slots: Sequence[int], limit: int, now: datetime) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql.CLAIM_DUE, [list(slots), now, limit])
        return {profile_id for (profile_id,) in cursor.fetchall()}


CHANGED = Queue(_count_changed, _claim_changed, Reason.CHANGE)
DUE = Queue(_count_due, _claim_due, Reason.TIME)
