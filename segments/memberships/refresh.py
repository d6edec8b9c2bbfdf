"""Refreshing memberships: of profiles that changed, and of those that may change as time passes.

Invariant: a transaction locks slots, then claims wake-ups, then reads the clock, and then
evaluates, compares and writes in one statement. Claim and effect commit together, so a worker
killed at any line leaves its work in the queue.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from profiles.lib.checkpoints import reach
from profiles.lib.database import time_limit
from profiles.lib.faults import fault_of
from profiles.models import ProfileChange
from profiles.services import wake_members
from segments.activation.outbox import Change, Evaluated
from segments.activation.tell import tell
from segments.automations.start import arrivals, start_runs
from segments.codes.giving import redeem_codes
from segments.compiler import (
    Context,
    Fragment,
    Period,
    compile_scoped,
    expanded_leaves,
    fill,
    join_fragments,
    select_due,
)
from segments.computed.settle import settle_changes, wake_everybody
from segments.definitions.live import (
    LiveDefinitions,
    LiveSegment,
    make_context,
    read_live_definitions,
)
from segments.language.nodes import PersonLeaf
from segments.lib import checkpoints
from segments.lib.failures import UNREADABLE, mark_failed
from segments.lib.locks import choose_slots, try_slots
from segments.lib.moments import EARLIEST, LATEST, evaluation_time, refuse_far_ahead
from segments.memberships import sql
from segments.memberships.wakeups import wake_for_dates
from segments.models import MembershipChange

BATCH = 2000
# Twice as long as beat waits between two looks at all profiles, so that a late one leaves no gap.
LOOK_AHEAD = timedelta(seconds=120)
Reason = MembershipChange.Reason
_RETENTION = ProfileChange.Kind.RETENTION


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue of wake-ups.

    `count_by_slot` returns how many wait in each slot at a time. `claim` deletes at most so many of
    some slots at a time, and returns of whom they are, and what changed.
    """

    count_by_slot: Callable[[datetime], dict[int, int]]
    claim: Callable[[Sequence[int], int, datetime], list[Change]]
    reason: str


def refresh_changed(*, now: datetime | None = None, limit: int = BATCH) -> int:
    """Evaluate all live segments for the profiles that changed; return the number of evaluations.

    `limit` is the number of wake-ups in one transaction. Slots that another worker has locked are
    left to it. Raises MomentError.
    """
    refuse_far_ahead(now)
    # First, and in transactions of their own: whom they wake is of all slots.
    wake_members()
    wake_everybody()
    settle_changes()
    return _work_off(CHANGED, now, limit)


def refresh_due(*, now: datetime | None = None, limit: int = BATCH) -> int:
    """Evaluate the profiles that may have changed by time; return the number of evaluations.

    Raises MomentError.
    """
    refuse_far_ahead(now)
    queue_due(now=now)
    return _work_off(DUE, now, limit)


def refresh_woken(*, now: datetime | None = None) -> int:
    """Evaluate the profiles whose wake-up is due, without looking for others.

    Returns the number of evaluations. Raises MomentError.
    """
    refuse_far_ahead(now)
    return _work_off(DUE, now, BATCH)


def seconds_to_wakeup() -> float | None:
    """Return the seconds until the next wake-up, at most 0 if one is due; None if there is none."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SECONDS_TO_WAKEUP)
        seconds: float | None = cursor.fetchone()[0]
        return seconds


def _work_off(queue: Queue, now: datetime | None, limit: int) -> int:
    """Evaluate one batch after another until the queue has none that this worker can lock."""
    total = 0
    while evaluated := _evaluate_batch(queue, now, limit):
        total += evaluated
    return total


def _evaluate_batch(queue: Queue, now: datetime | None, limit: int) -> int:
    counts = queue.count_by_slot(evaluation_time(now))
    with transaction.atomic():
        slots = try_slots(choose_slots(counts, limit))
        if not slots:
            return 0
        changes = queue.claim(slots, limit, evaluation_time(now))
        ids = {change.profile_id for change in changes}
        if ids:
            reach(checkpoints.CLAIMED, ids)
            # The clock is read again: claiming may have waited, and another refresh moved it on.
            moment = evaluation_time(now)
            outdated = [each.profile_id for each in changes if each.kind == _RETENTION]
            evaluate(sorted(ids), reason=queue.reason, now=moment, outdated=outdated)
            batch = Evaluated(sorted(ids), queue.reason, moment)
            tell(batch, changes)
            start_runs(batch, changes)
            redeem_codes(arrivals(changes))
            reach(checkpoints.EVALUATED, ids)
        return len(ids)


@dataclass(frozen=True, slots=True)
class Batch:
    """The profiles that one transaction evaluates, and why and when it does.

    Of `outdated` ones that is retention, whatever else changed.
    """

    ids: list[int]
    reason: str
    now: datetime
    outdated: Sequence[int] = ()


def evaluate(
    ids: Sequence[int], *, reason: str, now: datetime, outdated: Sequence[int] = ()
) -> None:
    """Evaluate all live segments for these profiles and write the memberships that changed.

    A segment that cannot be evaluated is set apart, and the others go on. The caller has locked the
    slots of the profiles and claimed their wake-ups.
    """
    live = read_live_definitions()
    batch = Batch(list(ids), reason, now, outdated)
    with connection.cursor() as cursor:
        # Also without live segments: one may be under construction in a rebuild.
        cursor.execute(sql.NOTE_EVALUATED, [batch.ids])
        size_changes, faults = _refresh(live, batch)
        if live.segments:
            cursor.execute(sql.WAKE_FOR_EVENTS, {"ids": batch.ids, "now": now})
            _wake_ahead(live, batch)
            # Of a fault that the evaluation had already, more is not to be said.
            sound = [segment for segment in live.segments if segment.id not in faults]
            faults |= _each_alone(sound, lambda some: _wake_for_dates(some, live, batch))
        _add_to_sizes(size_changes, now, faults)


def _wake_ahead(live: LiveDefinitions, batch: Batch) -> None:
    """Queue the batch's own profiles for the instants before the next look at all profiles."""
    try:
        with time_limit(settings.SEGMENT_REFRESH_SECONDS), connection.cursor() as cursor:
            ahead = make_context(live.nodes, now=batch.now + LOOK_AHEAD)
            leaves = [
                leaf for segment in live.segments for leaf in expanded_leaves(segment.node, ahead)
            ]
            selects = select_due(leaves, Period(batch.now, ahead, batch.ids))
            if selects:
                union = join_fragments(" UNION ", selects)
                statement = fill(sql.WAKE_DUE, now=batch.now, since=batch.now, selects=union)
                cursor.execute(statement.text, statement.params)
    except Exception as error:
        # Nothing is lost: queue_due finds the same profiles, and the segment at fault.
        fault_of(error)


def _wake_for_dates(segments: Sequence[LiveSegment], live: LiveDefinitions, batch: Batch) -> None:
    """Write down when a date in the data of the batch's profiles next changes one of these."""
    with time_limit(settings.SEGMENT_REFRESH_SECONDS):
        endless = make_context(live.nodes, now=LATEST)
        period = Period(batch.now, endless, batch.ids)
        wake_for_dates([segment.node for segment in segments], period)


def _each_alone(
    segments: Sequence[LiveSegment], execute: Callable[[Sequence[LiveSegment]], None]
) -> dict[int, str]:
    """Execute for all segments at once; where that fails, for each, so that none waits.

    Returns by segment id the word for what failed.
    """
    try:
        execute(segments)
        return {}
    except Exception as error:
        # Any fault of one of them; an outage is raised again.
        fault_of(error)
    faults = {}
    for segment in segments:
        try:
            execute([segment])
        except Exception as error:
            faults[segment.id] = fault_of(error)
    return faults


def _refresh(live: LiveDefinitions, batch: Batch) -> tuple[list[tuple[int, int]], dict[int, str]]:
    """Write the memberships of all segments.

    Returns the changes in size as pairs of segment id and difference, and by id the word for what
    failed.
    """
    faults = dict.fromkeys(live.unreadable, UNREADABLE)
    closed = [*live.failed, *live.unreadable]
    try:
        return _execute_refresh(live, live.segments, closed, batch), faults
    except Exception as error:
        # Any fault of one of them, so that the others need not wait. An outage is raised again.
        fault_of(error)
    size_changes = []
    for segment in live.segments:
        try:
            size_changes += _execute_refresh(live, [segment], [], batch)
        except Exception as error:
            faults[segment.id] = fault_of(error)
    size_changes += _execute_refresh(live, [], [*live.failed, *faults], batch)
    return size_changes, faults


def _execute_refresh(
    live: LiveDefinitions, segments: Sequence[LiveSegment], closed: Sequence[int], batch: Batch
) -> list[tuple[int, int]]:
    """Write the memberships of some segments; of `closed` ones only exits."""
    if not segments and not closed:
        return []
    with time_limit(settings.SEGMENT_REFRESH_SECONDS), connection.cursor() as cursor:
        reach(checkpoints.REFRESHING, [segment.key for segment in segments])
        statement = _refresh_statement(live, segments, closed, batch)
        cursor.execute(statement.text, statement.params)
        size_changes: list[tuple[int, int]] = cursor.fetchall()
        return size_changes


def _refresh_statement(
    live: LiveDefinitions, segments: Sequence[LiveSegment], closed: Sequence[int], batch: Batch
) -> Fragment:
    context = make_context(live.nodes, now=batch.now)
    scoped = compile_scoped([segment.node for segment in segments], batch.ids, context)
    still = [fill(sql.IS_MEMBER_STILL, segment=segment_id) for segment_id in closed]
    return fill(
        sql.REFRESH,
        joins=scoped.joins,
        conditions=join_fragments(", ", [*scoped.conditions, *still]),
        ids=batch.ids,
        segments=[*(segment.id for segment in segments), *closed],
        now=batch.now,
        reason=batch.reason,
        outdated=list(batch.outdated),
    )


def _add_to_sizes(
    size_changes: Iterable[tuple[int, int]], now: datetime, faults: Mapping[int, str]
) -> None:
    """Add (segment id, difference) pairs to the sizes of segments, and set apart those at fault."""
    changes = sorted(size_changes)
    if not changes and not faults:
        return
    ids = [segment_id for segment_id, _ in changes]
    with connection.cursor() as cursor:
        cursor.execute(sql.LOCK_SEGMENTS, [sorted({*ids, *faults})])
        cursor.execute(sql.ADD_TO_SIZES, [now, ids, [difference for _, difference in changes]])
    mark_failed(faults)


@transaction.atomic
def queue_due(*, now: datetime | None = None) -> None:
    """Queue the profiles that may change between each segment's clock and now; set the clocks.

    Those who may change within `LOOK_AHEAD` are queued too, for the instant at which they do. The
    clocks stay at now, so that nobody is missed whose data change meanwhile.
    """
    live, moment = read_live_definitions(), evaluation_time(now)
    segments = [segment for segment in live.segments if segment.evaluated_at < moment]
    faults = dict.fromkeys(live.unreadable, UNREADABLE)
    faults |= _each_alone(segments, lambda some: _execute_wake(some, live, moment))
    due = [segment for segment in segments if segment.id not in faults]
    if not due and not faults:
        return
    ids = [segment.id for segment in due]
    with connection.cursor() as cursor:
        cursor.execute(sql.LOCK_SEGMENTS, [sorted({*ids, *faults})])
        versions = [segment.version for segment in due]
        clocks = [segment.evaluated_at for segment in due]
        cursor.execute(sql.ADVANCE_CLOCKS, [moment, moment, ids, versions, clocks])
        cursor.execute(sql.MEASURE_SIZES, [moment, ids])
    mark_failed(faults)


def _execute_wake(segments: Sequence[LiveSegment], live: LiveDefinitions, moment: datetime) -> None:
    with time_limit(settings.SEGMENT_REFRESH_SECONDS), connection.cursor() as cursor:
        ahead = make_context(live.nodes, now=moment + LOOK_AHEAD)
        for select in due_selects(segments, ahead):
            statement = fill(sql.WAKE_DUE, now=moment, since=EARLIEST, selects=select)
            cursor.execute(statement.text, statement.params)


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
        for select in select_due(leaves, Period(since, context))
    ]


def _count_changed(now: datetime) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(sql.CHANGED_SLOTS, [])
        return dict(cursor.fetchall())


def _count_due(now: datetime) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(sql.DUE_SLOTS, [now])
        return dict(cursor.fetchall())


def _claim_changed(slots: Sequence[int], limit: int, now: datetime) -> list[Change]:
    with connection.cursor() as cursor:
        cursor.execute(sql.CLAIM_CHANGED, [list(slots), limit])
        # In the order in which they were written.
        return [Change(*row) for _, *row in sorted(cursor.fetchall())]


def _claim_due(slots: Sequence[int], limit: int, now: datetime) -> list[Change]:
    with connection.cursor() as cursor:
        cursor.execute(sql.CLAIM_DUE, [list(slots), now, limit])
        return [Change(pk, ProfileChange.Kind.PLAIN, "") for (pk,) in cursor.fetchall()]


CHANGED = Queue(_count_changed, _claim_changed, Reason.CHANGE)
DUE = Queue(_count_due, _claim_due, Reason.TIME)
