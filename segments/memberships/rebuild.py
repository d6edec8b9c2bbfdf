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
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import Error, connection, transaction
from django.db.models import F, Q

from profiles.lib.change_queue import nudge
from profiles.lib.checkpoints import reach
from profiles.lib.database import database_now, time_limit
from profiles.lib.faults import fault_of
from profiles.lib.heartbeat import heartbeat
from segments.compiler import Period, compile_everyone, fill, join_fragments
from segments.definitions.inputs import global_inputs
from segments.definitions.live import (
    effective_definition,
    make_context,
    read_live_definitions,
    readable_nodes,
)
from segments.definitions.references import with_dependants, with_references
from segments.language.nodes import Node
from segments.lib import checkpoints
from segments.lib.failures import (
    FAILURE_FIELDS,
    KILLED,
    UNREADABLE,
    bring_back,
    mark_failed,
    require_open,
)
from segments.lib.locks import ALL_SLOTS, lock_all_slots, lock_definitions, lock_slots
from segments.lib.moments import LATEST, evaluation_time, refuse_far_ahead
from segments.lib.sql import RAISE_WORK_MEM
from segments.memberships import sql
from segments.memberships.wakeups import wake_for_dates, wake_for_entries
from segments.models import MembershipChange, NotedProfile, Rebuild, Segment, StagedMembership

HEARTBEAT_SECONDS = 10
# Four heartbeats may be missing before a worker counts as dead.
DEAD_AFTER = timedelta(seconds=45)
MAX_ATTEMPTS = 10
# A rebuild that so many workers died of is set apart with its segment.
MAX_DEATHS = 3
COMPUTED_FIELDS = (
    *("live_version", "live_definition", "built_with", "refreshed_at", "evaluated_at"),
)
logger = logging.getLogger(__name__)


class LeaseLostError(Exception):
    """Another worker has taken the rebuild over, since this one seemed dead."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a rebuild computes.

    `versions` and `targets` are the version and the node of each segment to compute, by id; `nodes`
    are those of all segments that the targets refer to, by key. `unreadable` are the ids of
    segments that should be computed and cannot be read. Equal plans give equal members.
    """

    versions: Mapping[int, int]
    targets: Mapping[int, Node]
    nodes: Mapping[str, Node]
    unreadable: frozenset[int] = frozenset()


def rebuild(segment_keys: Iterable[str], *, now: datetime | None = None) -> None:
    """Evaluate these segments, and those that refer to them, for everybody.

    Raises MomentError, SegmentFailed for the first one that cannot be evaluated, and LeaseLostError
    if another worker took over.
    """
    refuse_far_ahead(now)
    keys = sorted(set(segment_keys))
    for key in keys:
        _run(_lease(key), now)
    for segment in Segment.objects.filter(status=Segment.Status.LIVE, key__in=keys):
        require_open(segment)


def resume_rebuilds(*, now: datetime | None = None) -> int:
    """Run the rebuilds whose worker died and build the segments that need it; return how many.

    A segment needs it if its saved version is not the live one, if it was built with other global
    inputs, or if it was set apart and is to be tried again. Each has a lease of its own, so that
    none waits for another's fault.
    """
    refuse_far_ahead(now)
    count = 0
    while (lease := _take_over_dead() or _lease_pending()) is not None:
        count += 1
        _try_to_run(lease, now)
    return count


def _try_to_run(lease: Rebuild, now: datetime | None) -> None:
    try:
        _run(lease, now)
    except (LeaseLostError, Error) as error:
        # The others must not wait for this one, whose lease ends like that of a dead worker.
        logger.error("The rebuild %s stopped: %s.", lease.segment_keys, type(error).__name__)


def _lease(key: str, *, deaths: int = 0) -> Rebuild:
    return Rebuild.objects.create(token=uuid.uuid4(), segment_keys=[key], deaths=deaths)


@transaction.atomic
def _take_over_dead() -> Rebuild | None:
    """Replace the lease of a dead worker, which can then no longer apply its result."""
    dead = Rebuild.objects.select_for_update(skip_locked=True).filter(
        heartbeat_at__lt=database_now() - DEAD_AFTER
    )
    successor = None
    for lease in dead.order_by("started_at"):
        if successor is not None:
            break
        lease.delete()
        successor = _succeed(lease)
    # What dead workers staged. The rows have no foreign key to the lease.
    StagedMembership.objects.exclude(rebuild_id__in=Rebuild.objects.values("token")).delete()
    return successor


def _succeed(lease: Rebuild) -> Rebuild | None:
    """Return a new lease for a dead one, unless the segment itself seems to end its workers."""
    deaths = lease.deaths + 1
    if deaths < MAX_DEATHS:
        return Rebuild.objects.create(
            token=uuid.uuid4(), segment_keys=lease.segment_keys, deaths=deaths
        )
    segments = Segment.objects.filter(
        status=Segment.Status.LIVE, key__in=lease.segment_keys
    ).order_by("pk")
    mark_failed({segment.pk: KILLED for segment in segments.select_for_update()})
    return None


@transaction.atomic
def _lease_pending() -> Rebuild | None:
    # Two workers would otherwise both find the same segment.
    lock_definitions()
    under_way = {key for lease in Rebuild.objects.all() for key in lease.segment_keys}
    is_new = Q(failed_at=None) & ~Q(live_version=F("version"))
    is_retried = Q(failed_at__isnull=False, retry_at__lte=database_now())
    is_outdated = Q(pk__in=_built_with_other_inputs())
    pending = (
        Segment.objects.filter(is_new | is_retried | is_outdated)
        .filter(status=Segment.Status.LIVE)
        .exclude(key__in=under_way)
        .order_by("key")
    )
    key = pending.values_list("key", flat=True).first()
    return None if key is None else _lease(key)


def _built_with_other_inputs() -> list[int]:
    """Return the ids of the segments that were built in another time zone, for instance."""
    live = read_live_definitions()
    context = make_context(live.nodes, now=database_now())
    return [
        segment.id
        for segment in live.segments
        if segment.built_with != global_inputs(segment.node, context)
    ]


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
            plan = make_plan(lease.segment_keys)
            reach(checkpoints.PLANNED, lease)
            faults = stage(lease, plan, moment)
            reach(checkpoints.STAGED, lease)
            if apply_staged(lease, plan, moment, faults):
                return
        # Definitions change faster than they can be computed. The lease expires, and the rebuild is
        # taken over like that of a dead worker.


def make_plan(segment_keys: Iterable[str]) -> Plan:
    """Return the plan for these segments, by their saved definitions.

    Segments that refer to them are computed too, by their live definitions.
    """
    wanted = set(segment_keys)
    rows = {row.key: row for row in Segment.objects.filter(status=Segment.Status.LIVE)}
    nodes = readable_nodes(
        {
            key: row.definition if key in wanted else effective_definition(row)
            for key, row in rows.items()
        }
    )
    keys = with_dependants(wanted & nodes.keys(), nodes)
    versions = {
        rows[key].pk: rows[key].version if key in wanted else rows[key].live_version or 0
        for key in keys
        if key in wanted or rows[key].live_version is not None
    }
    targets = {rows[key].pk: nodes[key] for key in keys if rows[key].pk in versions}
    needed = with_references(keys, nodes)
    unreadable = frozenset(rows[key].pk for key in (wanted & rows.keys()) - nodes.keys())
    return Plan(versions, targets, {key: nodes[key] for key in needed}, unreadable)


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
def apply_staged(
    lease: Rebuild, plan: Plan, now: datetime, faults: Mapping[int, str] | None = None
) -> bool:
    """Make the staged members the members, set apart what failed, and end the rebuild.

    Returns False, and changes nothing, if definitions have changed since the plan was made. Raises
    LeaseLostError.
    """
    faults = faults or {}
    lock_all_slots()
    if not Rebuild.objects.select_for_update().filter(pk=lease.pk).exists():
        raise LeaseLostError
    ids = sorted(plan.targets.keys() - faults.keys())
    with connection.cursor() as cursor:
        cursor.execute(sql.LOCK_SEGMENTS, [sorted({*ids, *faults})])
        if make_plan(lease.segment_keys) != plan:
            return False
        reach(checkpoints.APPLYING, lease)
        _apply_difference(lease, ids, now)
        # Who entered now is asked later how long ago that was. Everything else is written down.
        wake_for_entries(plan.targets.values(), Period(now, make_context(plan.nodes, now=LATEST)))
    _set_live_versions(plan, ids, now)
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
        "reason": MembershipChange.Reason.DEFINITION,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql.FORBID_NESTED_LOOPS)
        cursor.execute(sql.APPLY, parameters)
        cursor.execute(sql.REQUEUE_NOTED, [lease.token])
        cursor.execute(sql.WAKE_ALL_FOR_EVENTS, {"now": now})
        cursor.execute(sql.COUNT_MEMBERS, {"segments": ids})
        cursor.execute(sql.MEASURE_SIZES, [now, ids])


def _set_live_versions(plan: Plan, ids: Iterable[int], now: datetime) -> None:
    """Record which version and inputs the memberships are of, and for which time."""
    context = make_context(plan.nodes, now=now)
    for segment in Segment.objects.filter(pk__in=ids):
        segment.live_version = plan.versions[segment.pk]
        segment.built_with = global_inputs(plan.targets[segment.pk], context)
        # Segments that only refer to a target were computed by their live definition, which stays.
        if segment.live_version == segment.version:
            segment.live_definition = segment.definition
        segment.refreshed_at = segment.evaluated_at = now
        bring_back(segment)
        segment.save(update_fields=[*COMPUTED_FIELDS, *FAILURE_FIELDS])
