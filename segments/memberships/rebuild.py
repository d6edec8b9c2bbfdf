"""Full rebuilds: after a definition changes, and when asked for.

The order is what makes it right: write a lease, wait once for each slot (from then on every refresher sees the lease and notes
whom it evaluates), compute into staging without locks, then apply under all slot locks and queue the noted profiles again.
Invariant: what is applied was computed from exactly the definitions that are saved when it is applied; else it starts over.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event as Signal
from threading import Thread

from django.db import connection, transaction

from profiles.lib.change_queue import nudge
from profiles.lib.database import database_now
from segments.compiler import Fragment, compile_everyone, fill, joined
from segments.compiler.trees import leaves
from segments.definitions.live import context_of, effective_definition
from segments.language.nodes import Node, SegmentLeaf
from segments.language.parser import parse
from segments.memberships import sql
from segments.memberships.locks import (
    clock,
    lock_all_slots,
    lock_definitions,
    lock_slots,
    refuse_far_ahead,
)
from segments.models import MembershipChange, NotedProfile, Rebuild, Segment, StagedMembership

HEARTBEAT_SECONDS = 10
DEAD_AFTER = timedelta(seconds=45)
ATTEMPTS = 10


class LeaseLostError(Exception):
    """Another worker took the rebuild over, since this one seemed dead."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a rebuild computes: the version of each target by id, and what every key means to it.

    Two plans are equal where the same people would come out.
    """

    versions: Mapping[int, int]
    targets: Mapping[int, Node]
    nodes: Mapping[str, Node]


def rebuild(segment_keys: Iterable[str], *, now: datetime | None = None) -> None:
    """Evaluate these segments and all that lean on them over everybody, and swap the answer in whole.

    Raises LeaseLostError where another worker took over, and MomentError.
    """
    refuse_far_ahead(now)
    lease = Rebuild.objects.create(token=uuid.uuid4(), segment_keys=sorted(segment_keys))
    _run(lease, now)


def resume_rebuilds(*, now: datetime | None = None) -> int:
    """Do what is due: rebuilds whose worker died, and segments whose saved definition is not yet the live one."""
    refuse_far_ahead(now)
    leases = [*_take_over_dead(), *_lease_pending()]
    for lease in leases:
        _run(lease, now)
    return len(leases)


@transaction.atomic
def _take_over_dead() -> list[Rebuild]:
    """A new lease for each dead one. Whoever held the old one cannot apply any more."""
    dead = Rebuild.objects.select_for_update(skip_locked=True).filter(
        heartbeat_at__lt=database_now() - DEAD_AFTER
    )
    leases = []
    for lease in dead:
        keys = lease.segment_keys
        lease.delete()
        leases.append(Rebuild.objects.create(token=uuid.uuid4(), segment_keys=keys))
    StagedMembership.objects.exclude(rebuild_id__in=Rebuild.objects.values("token")).delete()
    return leases


@transaction.atomic
def _lease_pending() -> list[Rebuild]:
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


def _run(lease: Rebuild, now: datetime | None) -> None:
    with _beating(lease):
        for slot in range(sql.SLOTS):
            with transaction.atomic():
                lock_slots([slot])
        for _ in range(ATTEMPTS):
            moment = clock(now)
            plan = make_plan(lease.segment_keys)
            stage(lease, plan, moment)
            if swap_in(lease, plan, moment):
                return
        # Definitions change faster than this can follow: the lease runs out and is taken up again.


def make_plan(segment_keys: Iterable[str]) -> Plan:
    """The saved definitions of the targets, and of all that lean on them the live ones."""
    wanted = set(segment_keys)
    rows = {row.key: row for row in Segment.objects.filter(status=Segment.Status.LIVE)}
    nodes = {
        key: parse(row.definition if key in wanted else effective_definition(row))
        for key, row in rows.items()
    }
    keys = _with_dependants(wanted & rows.keys(), nodes)
    versions = {
        rows[key].pk: rows[key].version if key in wanted else rows[key].live_version or 0
        for key in keys
        if key in wanted or rows[key].live_version is not None
    }
    targets = {rows[key].pk: nodes[key] for key in keys if rows[key].pk in versions}
    used = _with_references(keys, nodes)
    return Plan(versions, targets, {key: nodes[key] for key in used})


def _with_dependants(keys: set[str], nodes: Mapping[str, Node]) -> set[str]:
    """The keys, and those of all segments that lean on them."""
    leaning = {key for key, node in nodes.items() if key not in keys and references(node) & keys}
    return _with_dependants(keys | leaning, nodes) if leaning else keys


def _with_references(keys: set[str], nodes: Mapping[str, Node]) -> set[str]:
    """The keys, and those of all segments that they lean on."""
    found = keys.union(*(references(nodes[key]) for key in keys))
    return _with_references(found, nodes) if found > keys else keys


def references(node: Node) -> set[str]:
    """The keys of the segments that a definition names."""
    return {leaf.key for leaf in leaves(node) if isinstance(leaf, SegmentLeaf)}


def stage(lease: Rebuild, plan: Plan, now: datetime) -> None:
    """Compute all targets in one statement, so on one snapshot. Holds no lock that anybody waits for."""
    context = context_of(plan.nodes, now=now)
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
        StagedMembership.objects.filter(rebuild_id=lease.token).delete()
        _insert_staged(selects)


def _insert_staged(selects: list[Fragment]) -> None:
    if selects:
        statement = fill(sql.STAGE, selects=joined(" UNION ALL ", selects))
        with connection.cursor() as cursor:
            cursor.execute(sql.RAISE_WORK_MEM)
            cursor.execute(statement.text, statement.params)
            cursor.execute(sql.ANALYZE_STAGED)


@transaction.atomic
def swap_in(lease: Rebuild, plan: Plan, now: datetime) -> bool:
    """Swap what is staged in. False where definitions changed meanwhile. Raises LeaseLostError."""
    lock_all_slots()
    if not Rebuild.objects.select_for_update().filter(pk=lease.pk).exists():
        raise LeaseLostError
    ids = sorted(plan.targets)
    with connection.cursor() as cursor:
        cursor.execute(sql.LOCK_SEGMENTS, [ids])
        if make_plan(lease.segment_keys) != plan:
            return False
        _swap(lease, ids, now)
    _advance(plan, now)
    StagedMembership.objects.filter(rebuild_id=lease.token).delete()
    NotedProfile.objects.filter(rebuild=lease).delete()
    lease.delete()
    nudge("segments.refresh_changed")
    return True


def _swap(lease: Rebuild, ids: list[int], now: datetime) -> None:
    words = {
        "segments": ids,
        "rebuild": lease.token,
        "now": now,
        "reason": MembershipChange.Reason.DEFINITION,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql.FORBID_NESTED_LOOPS)
        cursor.execute(sql.APPLY, words)
        cursor.execute(sql.REQUEUE_NOTED, [lease.token])
        cursor.execute(sql.WAKE_ALL_FOR_EVENTS, {"now": now})
        cursor.execute(sql.COUNT_MEMBERS, [ids])
        cursor.execute(sql.MEASURE_SIZES, [now, ids])


def _advance(plan: Plan, now: datetime) -> None:
    """The version that was computed is the live one, as of the instant that it was computed for."""
    for segment in Segment.objects.filter(pk__in=plan.versions):
        segment.live_version = plan.versions[segment.pk]
        if segment.live_version == segment.version:
            segment.live_definition = segment.definition
        segment.refreshed_at = segment.evaluated_at = now
        segment.save(
            update_fields=["live_version", "live_definition", "refreshed_at", "evaluated_at"]
        )


@contextmanager
def _beating(lease: Rebuild) -> Iterator[None]:
    """Say every few seconds that the worker lives, on a connection of its own, since computing takes one whole transaction."""
    stopped = Signal()
    thread = Thread(target=_beat, args=(lease.pk, stopped), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _beat(token: uuid.UUID, stopped: Signal) -> None:
    try:
        while not stopped.wait(HEARTBEAT_SECONDS):
            Rebuild.objects.filter(pk=token).update(heartbeat_at=database_now())
    finally:
        connection.close()
