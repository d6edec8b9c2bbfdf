"""Full rebuilds: evaluating segments for everybody, after a definition changed or on request.

The order of the steps matters. A rebuild writes a lease and waits once for each slot; from then on
every refresh sees the lease and notes which profiles it evaluates. The rebuild then computes into a
staging table without locks, applies the difference under all slot locks, and queues the noted
profiles again.

Invariant: what is applied was computed from exactly the definitions that are saved at that time.
Otherwise the rebuild starts over. A segment that cannot be computed is set apart, and those that
were computed with it are applied.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import Error, connection, transaction

from profiles.lib.change_queue import nudge
from profiles.lib.checkpoints import reach
from profiles.lib.database import database_now, time_limit
from profiles.lib.faults import fault_of
from profiles.lib.heartbeat import heartbeat
from segments.activation.derive import compare_again
from segments.compiler import Period, compile_everyone, fill, join_fragments
from segments.computed.settle import restart_outdated
from segments.definitions.inputs import global_inputs
from segments.definitions.live import make_context
from segments.lib import checkpoints
from segments.lib.failures import (
    FAILURE_FIELDS,
    UNREADABLE,
    bring_back,
    mark_failed,
    require_open,
)
from segments.lib.locks import ALL_SLOTS, lock_all_slots, lock_slots
from segments.lib.moments import LATEST, evaluation_time, refuse_far_ahead
from segments.lib.sql import RAISE_WORK_MEM
from segments.memberships import sql
from segments.memberships.leases import lease_family, lease_pending, new_lease, take_over_dead
from segments.memberships.plans import Plan, make_plan, settled_plan, unmeasured
from segments.memberships.recompute import Measured, keep_ranks, keep_rfm, measure
from segments.memberships.wakeups import wake_for_dates, wake_for_entries
from segments.models import (
    MembershipChange,
    NotedProfile,
    Rebuild,
    Segment,
    SegmentFamily,
    StagedMembership,
)

HEARTBEAT_SECONDS = 10
MAX_ATTEMPTS = 10
COMPUTED_FIELDS = (
    *("live_version", "live_definition", "built_with", "refreshed_at", "evaluated_at"),
    *("boundaries", "recompute_at"),
)
Reason = MembershipChange.Reason
logger = logging.getLogger(__name__)


class LeaseLostError(Exception):
    """Another worker has taken the rebuild over, since this one seemed dead."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a rebuild staged: by which plan with boundaries, which were computed, what failed.

    `inputs` is by segment id the text of the global inputs, read before anything was computed: one
    that changes meanwhile means another rebuild.
    """

    settled: Plan
    measured: Measured
    faults: Mapping[int, str]
    inputs: Mapping[int, str]


def rebuild(segment_keys: Iterable[str], *, now: datetime | None = None) -> None:
    """Evaluate these segments, and those that refer to them, for everybody.

    Raises MomentError, SegmentFailed for the first one that cannot be evaluated, and LeaseLostError
    if another worker took over.
    """
    refuse_far_ahead(now)
    keys = sorted(set(segment_keys))
    for key in keys:
        _run(new_lease(key), now)
    for segment in Segment.objects.filter(status=Segment.Status.LIVE, key__in=keys):
        require_open(segment)


def recompute(segment: Segment, *, now: datetime | None = None) -> None:
    """Compute the boundaries of a segment's ranks anew, and its members by them.

    Raises MomentError, SegmentFailed, and LeaseLostError if another worker took over.
    """
    refuse_far_ahead(now)
    _run(new_lease(segment.key, recomputes=True), now)
    require_open(Segment.objects.get(pk=segment.pk))


def recompute_family(family: SegmentFamily, *, now: datetime | None = None) -> None:
    """Compute the boundaries of an RFM model anew, and the members of all its groups by them.

    Of a life-cycle the members are computed. Raises as `recompute` does.
    """
    refuse_far_ahead(now)
    _run(lease_family(family), now)
    for segment in family.segments.all():
        require_open(segment)


def resume_rebuilds(*, now: datetime | None = None) -> int:
    """Run the rebuilds whose worker died and build the segments that need it; return how many.

    A segment needs it if its saved version is not the live one, if it was built with other global
    inputs, or if it was set apart and is to be tried again. Each has a lease of its own, so that
    none waits for another's fault. Computed traits begin anew where they need it.
    """
    refuse_far_ahead(now)
    restart_outdated()
    count = 0
    while (lease := take_over_dead() or lease_pending(now or database_now())) is not None:
        count += 1
        _try_to_run(lease, now)
    return count


def _try_to_run(lease: Rebuild, now: datetime | None) -> None:
    try:
        _run(lease, now)
    except (LeaseLostError, Error) as error:
        # The others must not wait for this one, whose lease ends like that of a dead worker.
        logger.error("The rebuild %s stopped: %s.", lease.segment_keys, type(error).__name__)


def _say_alive(lease: Rebuild) -> None:
    Rebuild.objects.filter(pk=lease.pk).update(heartbeat_at=database_now())


def _run(lease: Rebuild, now: datetime | None) -> None:
    with heartbeat(lambda: _say_alive(lease), seconds=HEARTBEAT_SECONDS):
        # Each slot is locked and released: refreshes that began before the lease end here.
        for slot in ALL_SLOTS:
            with transaction.atomic():
                lock_slots([slot])
        for _ in range(MAX_ATTEMPTS):
            moment = evaluation_time(now)
            plan = make_plan(lease)
            reach(checkpoints.PLANNED, lease)
            measured = measure(unmeasured(plan), lease.family, moment)
            settled = settled_plan(plan, lease, measured)
            inputs = _global_inputs(settled, moment)
            faults = {**stage(lease, settled, moment), **measured.faults}
            reach(checkpoints.STAGED, lease)
            result = Result(settled, measured, faults, inputs)
            if apply_staged(lease, plan, result, moment):
                return
        # Definitions change faster than they can be computed. The lease expires, and the rebuild is
        # taken over like that of a dead worker.


def stage(lease: Rebuild, plan: Plan, now: datetime) -> dict[int, str]:
    """Compute the members of all targets into the staging table.

    All are computed in one statement and so on one snapshot. Where that fails they are computed one
    by one; changes between their snapshots are in the change queue. Returns by segment id the word
    for what failed. No lock is held meanwhile.
    """
    # An earlier attempt may have left rows.
    StagedMembership.objects.filter(rebuild_id=lease.token).delete()
    faults = dict.fromkeys(plan.unreadable, UNREADABLE)
    try:
        _stage_together(lease, plan, list(plan.targets), now)
        return faults
    except Exception as error:
        # Any fault of one of them; an outage is raised again.
        fault_of(error)
    for segment_id in plan.targets:
        try:
            _stage_together(lease, plan, [segment_id], now)
        except Exception as error:
            faults[segment_id] = fault_of(error)
    return faults


def _stage_together(lease: Rebuild, plan: Plan, segment_ids: list[int], now: datetime) -> None:
    if not segment_ids:
        return
    with time_limit(settings.SEGMENT_BUILD_SECONDS), connection.cursor() as cursor:
        reach(checkpoints.BUILDING, segment_ids)
        context = make_context(plan.nodes, now=now)
        selects = [
            fill(
                sql.STAGE_ONE,
                rebuild=lease.token,
                segment=segment_id,
                condition=compile_everyone(plan.targets[segment_id], context),
            )
            for segment_id in segment_ids
        ]
        statement = fill(sql.STAGE, selects=join_fragments(" UNION ALL ", selects))
        cursor.execute(RAISE_WORK_MEM)
        cursor.execute(statement.text, statement.params)
        cursor.execute(sql.ANALYZE_STAGED)
        # A wake-up that is claimed before the swap is not lost: who is evaluated is noted, and
        # evaluated again after it.
        trees = [plan.targets[segment_id] for segment_id in segment_ids]
        wake_for_dates(trees, Period(now, make_context(plan.nodes, now=LATEST)))


@transaction.atomic
def apply_staged(lease: Rebuild, plan: Plan, result: Result, now: datetime) -> bool:
    """Make the staged members the members, set apart what failed, and end the rebuild.

    Returns False, and changes nothing, if definitions have changed since the plan was made. Raises
    LeaseLostError.
    """
    settled, faults = result.settled, result.faults
    lock_all_slots()
    if not Rebuild.objects.select_for_update().filter(pk=lease.pk).exists():
        raise LeaseLostError
    ids = sorted(plan.targets.keys() - faults.keys())
    with connection.cursor() as cursor:
        cursor.execute(sql.LOCK_SEGMENTS, [sorted({*ids, *faults})])
        if make_plan(lease) != plan:
            return False
        reach(checkpoints.APPLYING, lease)
        _apply_difference(lease, ids, now)
        # Who entered now is asked later how long ago that was. Everything else is written down.
        endless = make_context(settled.nodes, now=LATEST)
        wake_for_entries(settled.targets.values(), Period(now, endless))
    _set_live_versions(result, ids, now)
    # Webhooks are told afterwards, in batches: all slots are locked here.
    compare_again(ids, reason=Reason.RECOMPUTE if lease.recomputes else Reason.DEFINITION)
    keep_rfm(lease.family, result.measured, now)
    mark_failed(faults)
    StagedMembership.objects.filter(rebuild_id=lease.token).delete()
    NotedProfile.objects.filter(rebuild=lease).delete()
    lease.delete()
    reach(checkpoints.APPLIED, lease)
    nudge("segments.refresh_changed")
    # Who will change within the next minutes by the new definition is not queued yet.
    nudge("segments.refresh_due")
    return True


def _apply_difference(lease: Rebuild, ids: list[int], now: datetime) -> None:
    parameters: dict[str, Any] = {
        "segments": ids,
        "rebuild": lease.token,
        "now": now,
        "reason": Reason.RECOMPUTE if lease.recomputes else Reason.DEFINITION,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql.FORBID_NESTED_LOOPS)
        cursor.execute(sql.APPLY, parameters)
        cursor.execute(sql.REQUEUE_NOTED, [lease.token])
        cursor.execute(sql.WAKE_ALL_FOR_EVENTS, {"now": now})
        cursor.execute(sql.COUNT_MEMBERS, {"segments": ids})
        cursor.execute(sql.MEASURE_SIZES, [now, ids])


def _global_inputs(plan: Plan, now: datetime) -> dict[int, str]:
    """Return the text of the global inputs of each target, by segment id."""
    context = make_context(plan.nodes, now=now)
    return {segment_id: global_inputs(node, context) for segment_id, node in plan.targets.items()}


def _set_live_versions(result: Result, ids: Iterable[int], now: datetime) -> None:
    """Record which version and inputs the memberships are of, and for which time."""
    for segment in Segment.objects.filter(pk__in=ids):
        segment.live_version = result.settled.versions[segment.pk]
        segment.built_with = result.inputs[segment.pk]
        # Segments that only refer to a target were computed by their live definition, which stays.
        if segment.live_version == segment.version:
            segment.live_definition = segment.definition
        keep_ranks(segment, result.measured, now)
        segment.refreshed_at = segment.evaluated_at = now
        bring_back(segment)
        segment.save(update_fields=[*COMPUTED_FIELDS, *FAILURE_FIELDS])
