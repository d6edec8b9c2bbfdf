"""Full rebuilds: evaluating segments for everybody, after a definition changed or on request.

The order of the steps matters. A rebuild writes a lease and waits once for each slot; from then on
every refresh sees the lease and notes which profiles it evaluates. The rebuild then computes into a
staging table without locks, applies the difference under all slot locks, and queues the noted
profiles again.

Invariant: what is applied was computed from exactly the definitions that are saved at that time.
Otherwise the rebuild starts over.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from profiles.lib.change_queue import nudge
from profiles.lib.checkpoints import reach
from profiles.lib.database import database_now
from profiles.lib.heartbeat import heartbeat
from segments.compiler import Fragment, compile_everyone, fill, join_fragments
from segments.definitions.dependencies import with_dependants, with_references
from segments.definitions.live import effective_definition, make_context
from segments.language.nodes import Node
from segments.language.parser import parse
from segments.lib import checkpoints
from segments.lib.locks import ALL_SLOTS, lock_all_slots, lock_definitions, lock_slots
from segments.lib.sql import RAISE_WORK_MEM
from segments.memberships import sql
from segments.memberships.moments import evaluation_time, refuse_far_ahead
from segments.models import MembershipChange, NotedProfile, Rebuild, Segment, StagedMembership

HEARTBEAT_SECONDS = 10
# Four heartbeats may be missing before a worker counts as dead.
DEAD_AFTER = timedelta(seconds=45)
MAX_ATTEMPTS = 10


class LeaseLostError(Exception):
    """Another worker has taken the rebuild over, since this one seemed dead."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a rebuild computes.

    `versions` and `targets` are the version and the node of each segment to compute, by id; `nodes`
    are those of all segments that the targets refer to, by key. Equal plans give equal members.
    """

    versions: Mapping[int, int]
    targets: Mapping[int, Node]
    nodes: Mapping[str, Node]


def rebuild(segment_keys: Iterable[str], *, now: datetime | None = None) -> None:
    """Evaluate these segments, and those that refer to them, for everybody.

    Raises MomentError, and LeaseLostError if another worker took over.
    """
    refuse_far_ahead(now)
    lease = Rebuild.objects.create(token=uuid.uuid4(), segment_keys=sorted(segment_keys))
    _run(lease, now)


def resume_rebuilds(*, now: datetime | None = None) -> int:
    """Run the rebuilds whose worker died and build the segments that need it; return how many.

    A segment needs it if its saved version is not the live one.
    """
    refuse_far_ahead(now)
    leases = [*_take_over_dead(), *_lease_pending()]
    for lease in leases:
        _run(lease, now)
    return len(leases)


@transaction.atomic
def _take_over_dead() -> list[Rebuild]:
    """Replace the lease of each dead worker, which can then no longer apply its result."""
    dead = Rebuild.objects.select_for_update(skip_locked=True).filter(
        heartbeat_at__lt=database_now() - DEAD_AFTER
    )
    leases = []
    for lease in dead:
        keys = lease.segment_keys
        lease.delete()
        leases.append(Rebuild.objects.create(token=uuid.uuid4(), segment_keys=keys))
    # What dead workers staged. The rows have no foreign key to the lease.
    StagedMembership.objects.exclude(rebuild_id__in=Rebuild.objects.values("token")).delete()
    return leases


@transaction.atomic
def _lease_pending() -> list[Rebuild]:
    # Two workers would otherwise both find the same segments.
    lock_definitions()
    under_way = {key for lease in Rebuild.objects.all() for key in lease.segment_keys}
    pending = [
        segment.key
        for segment in Segment.objects.filter(status=Segment.Status.LIVE)
        if segment.live_version != segment.version and segment.key not in under_way
    ]
    if not pending:
        return []
    return [Rebuild.objects.create(token=uuid.uuid4(), segment_keys=sorted(pending))]


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
            stage(lease, plan, moment)
            reach(checkpoints.STAGED, lease)
            if apply_staged(lease, plan, moment):
                return
        # Definitions change faster than they can be computed. The lease expires, and the rebuild is
        # taken over like that of a dead worker.


def make_plan(segment_keys: Iterable[str]) -> Plan:
    """Return the plan for these segments, by their saved definitions.

    Segments that refer to them are computed too, by their live definitions.
    """
    wanted = set(segment_keys)
    rows = {row.key: row for row in Segment.objects.filter(status=Segment.Status.LIVE)}
    nodes = {
        key: parse(row.definition if key in wanted else effective_definition(row))
        for key, row in rows.items()
    }
    keys = with_dependants(wanted & rows.keys(), nodes)
    versions = {
        rows[key].pk: rows[key].version if key in wanted else rows[key].live_version or 0
        for key in keys
        if key in wanted or rows[key].live_version is not None
    }
    targets = {rows[key].pk: nodes[key] for key in keys if rows[key].pk in versions}
    needed = with_references(keys, nodes)
    return Plan(versions, targets, {key: nodes[key] for key in needed})


def stage(lease: Rebuild, plan: Plan, now: datetime) -> None:
    """Compute the members of all targets into the staging table.

    All are computed in one statement and so on one snapshot. No lock is held meanwhile.
    """
    context = make_context(plan.nodes, now=now)
    selects = [
        fill(
            sql.STAGE_ONE,
            rebuild=lease.token,
            segment=segment,
            condition=compile_everyone(node, context),
        )
        for segment, node in plan.targets.items()
    ]
    with transaction.atomic():
        # An earlier attempt may have left rows.
        StagedMembership.objects.filter(rebuild_id=lease.token).delete()
        _insert_staged(selects)


def _insert_staged(selects: list[Fragment]) -> None:
    if selects:
        statement = fill(sql.STAGE, selects=join_fragments(" UNION ALL ", selects))
        with connection.cursor() as cursor:
            cursor.execute(RAISE_WORK_MEM)
            cursor.execute(statement.text, statement.params)
            cursor.execute(sql.ANALYZE_STAGED)


@transaction.atomic
def apply_staged(lease: Rebuild, plan: Plan, now: datetime) -> bool:
    """Make the staged members the members, and end the rebuild.

    Returns False, and changes nothing, if definitions have changed since the plan was made. Raises
    LeaseLostError.
    """
    lock_all_slots()
    if not Rebuild.objects.select_for_update().filter(pk=lease.pk).exists():
        raise LeaseLostError
    ids = sorted(plan.targets)
    with connection.cursor() as cursor:
        cursor.execute(sql.LOCK_SEGMENTS, [ids])
        if make_plan(lease.segment_keys) != plan:
            return False
        _apply_difference(lease, ids, now)
    _set_live_versions(plan, now)
    StagedMembership.objects.filter(rebuild_id=lease.token).delete()
    NotedProfile.objects.filter(rebuild=lease).delete()
    lease.delete()
    nudge("segments.refresh_changed")
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
        cursor.execute(sql.COUNT_MEMBERS, [ids])
        cursor.execute(sql.MEASURE_SIZES, [now, ids])


def _set_live_versions(plan: Plan, now: datetime) -> None:
    """Record which version the memberships are of, and the time they were computed for."""
    for segment in Segment.objects.filter(pk__in=plan.versions):
        segment.live_version = plan.versions[segment.pk]
        # Segments that only refer to a target were computed by their live definition, which stays.
        if segment.live_version == segment.version:
            segment.live_definition = segment.definition
        segment.refreshed_at = segment.evaluated_at = now
        segment.save(
            update_fields=["live_version", "live_definition", "refreshed_at", "evaluated_at"]
        )
