"""Memberships kept right: for profiles that changed, and for those that time may have flipped.

Invariant: slot locks, then the claim, then `now`, then one statement that reads, compares and writes. Claim and effect commit
together, so a worker killed at any line leaves its work in the queue.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import sample

from django.db import connection, transaction

from segments.compiler import (
    Context,
    Fragment,
    compile_scoped,
    expanded_leaves,
    fill,
    joined,
    select_due,
)
from segments.definitions.live import Live, LiveSegment, context_of, read_live
from segments.language.nodes import PersonLeaf
from segments.memberships import sql
from segments.memberships.locks import clock, refuse_far_ahead, try_slots
from segments.models import MembershipChange

BATCH = 2000
Reason = MembershipChange.Reason


@dataclass(frozen=True, slots=True)
class Queue:
    """Where profiles wait: which slots have work, and how it is claimed; both are told the instant."""

    slots: Callable[[datetime | None], dict[int, int]]
    claim: Callable[[Sequence[int], int, datetime], set[int]]
    reason: str


def refresh_changed(*, now: datetime | None = None, limit: int = BATCH) -> int:
    """Evaluate all live segments for the profiles that changed; return how many evaluations that took.

    `limit` is how many wake-ups one transaction takes. Slots that another worker holds are left to it. Raises MomentError.
    """
    refuse_far_ahead(now)
    return _serve(CHANGED, now, limit)


def refresh_due(*, now: datetime | None = None, limit: int = BATCH) -> int:
    """Find whoever may flip because time passed since the last look, and evaluate them; return how many evaluations.

    Raises MomentError.
    """
    refuse_far_ahead(now)
    find_due(now=now)
    return _serve(DUE, now, limit)


def _serve(queue: Queue, now: datetime | None, limit: int) -> int:
    """Batch after batch, until nothing is left that this worker can get at."""
    total = 0
    while served := _serve_batch(queue, now, limit):
        total += served
    return total


def _serve_batch(queue: Queue, now: datetime | None, limit: int) -> int:
    waiting = queue.slots(clock(now))
    with transaction.atomic():
        slots = try_slots(_share(waiting, limit))
        if not slots:
            return 0
        ids = queue.claim(slots, limit, clock(now))
        if ids:
            evaluate(sorted(ids), reason=queue.reason, now=clock(now))
        return len(ids)


def _share(waiting: dict[int, int], limit: int) -> list[int]:
    """Slots with about as much work as one transaction takes, at random, so that workers spread."""
    chosen, work = [], 0
    for slot in sample(sorted(waiting), len(waiting)):
        if work >= limit:
            break
        chosen.append(slot)
        work += waiting[slot]
    return chosen


def evaluate(ids: Sequence[int], *, reason: str, now: datetime) -> None:
    """Bring the memberships of these profiles up to date. The caller holds their slots and has claimed them."""
    live = read_live()
    with connection.cursor() as cursor:
        cursor.execute(sql.NOTE_EVALUATED, [list(ids)])
        if not live.segments:
            return
        statement = _difference(live, ids, reason, now)
        cursor.execute(statement.text, statement.params)
        changes = cursor.fetchall()
        cursor.execute(sql.WAKE_FOR_EVENTS, {"ids": list(ids), "now": now})
        _add_to_sizes(changes, now)


def _difference(live: Live, ids: Sequence[int], reason: str, now: datetime) -> Fragment:
    context = context_of(live.nodes, now=now)
    scoped = compile_scoped([segment.node for segment in live.segments], ids, context)
    judged = (
        fill("({segment}::bigint, {condition})", segment=segment.id, condition=condition)
        for segment, condition in zip(live.segments, scoped.conditions, strict=True)
    )
    return fill(
        sql.REFRESH,
        joins=scoped.joins,
        conditions=joined(", ", judged),
        ids=list(ids),
        segments=[segment.id for segment in live.segments],
        now=now,
        reason=reason,
    )


def _add_to_sizes(changes: Iterable[tuple[int, int]], now: datetime) -> None:
    changed = sorted(changes)
    if not changed:
        return
    ids = [segment for segment, _ in changed]
    with connection.cursor() as cursor:
        cursor.execute(sql.LOCK_SEGMENTS, [ids])
        cursor.execute(sql.ADD_TO_SIZES, [now, ids, [difference for _, difference in changed]])


@transaction.atomic
def find_due(*, now: datetime | None = None) -> None:
    """Queue whoever may flip between each segment's clock and now, and advance the clocks."""
    live, moment = read_live(), clock(now)
    segments = [segment for segment in live.segments if segment.evaluated_at < moment]
    if not segments:
        return
    ids = [segment.id for segment in segments]
    with connection.cursor() as cursor:
        for select in due_selects(segments, context_of(live.nodes, now=moment)):
            statement = fill(sql.WAKE_DUE, now=moment, selects=select)
            cursor.execute(statement.text, statement.params)
        cursor.execute(sql.LOCK_SEGMENTS, [ids])
        versions = [segment.version for segment in segments]
        clocks = [segment.evaluated_at for segment in segments]
        cursor.execute(sql.ADVANCE_CLOCKS, [moment, moment, ids, versions, clocks])
        cursor.execute(sql.MEASURE_SIZES, [moment, ids])


def due_selects(segments: Sequence[LiveSegment], context: Context) -> list[Fragment]:
    """SELECTs of the profiles that may flip between the segments' clocks and now; equal leaves are asked once."""
    by_clock: dict[datetime, list[PersonLeaf]] = {}
    for segment in segments:
        found = expanded_leaves(segment.node, context)
        by_clock.setdefault(segment.evaluated_at, []).extend(found)
    return [
        select for since, found in by_clock.items() for select in select_due(found, since, context)
    ]


def _changed_slots(now: datetime | None) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(sql.CHANGED_SLOTS, [])
        return dict(cursor.fetchall())


def _due_slots(now: datetime | None) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(sql.DUE_SLOTS, [now])
        return dict(cursor.fetchall())


def _claim_changed(slots: Sequence[int], limit: int, now: datetime) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql.CLAIM_CHANGED, [list(slots), limit])
        return {profile for (profile,) in cursor.fetchall()}


def _claim_due(slots: Sequence[int], limit: int, now: datetime) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql.CLAIM_DUE, [list(slots), now, limit])
        return {profile for (profile,) in cursor.fetchall()}


CHANGED = Queue(_changed_slots, _claim_changed, Reason.CHANGE)
DUE = Queue(_due_slots, _claim_due, Reason.TIME)
