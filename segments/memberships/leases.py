"""Leases on rebuilds: what is to be built, by whom, and what becomes of a dead worker's work."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from profiles.lib.database import database_now
from segments.definitions.inputs import global_inputs
from segments.definitions.live import make_context, read_live_definitions
from segments.lib.failures import KILLED, mark_failed
from segments.lib.locks import lock_definitions
from segments.memberships.recompute import due_families, due_segments
from segments.models import Rebuild, Segment, SegmentFamily, StagedMembership

# Four heartbeats may be missing before a worker counts as dead.
DEAD_AFTER = timedelta(seconds=45)
# A rebuild that so many workers died of is set apart with its segment.
MAX_DEATHS = 3


def new_lease(*keys: str, **fields: Any) -> Rebuild:
    """Write a lease on building these segments."""
    return Rebuild.objects.create(token=uuid.uuid4(), segment_keys=list(keys), **fields)


def lease_family(family: SegmentFamily) -> Rebuild:
    """Write a lease on building all segments of a family, with new boundaries if it has any."""
    keys = family.segments.filter(status=Segment.Status.LIVE).values_list("key", flat=True)
    has_boundaries = family.kind == SegmentFamily.Kind.RFM
    return new_lease(
        *sorted(keys), recomputes=has_boundaries, family=family if has_boundaries else None
    )


@transaction.atomic
def take_over_dead() -> Rebuild | None:
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
        return new_lease(
            *lease.segment_keys, deaths=deaths, recomputes=lease.recomputes, family=lease.family
        )
    segments = Segment.objects.filter(
        status=Segment.Status.LIVE, key__in=lease.segment_keys
    ).order_by("pk")
    mark_failed({segment.pk: KILLED for segment in segments.select_for_update()})
    return None


@transaction.atomic
def lease_pending(now: datetime) -> Rebuild | None:
    """Return a lease on what is to be built or to have new boundaries, None if nothing is."""
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
    return (
        _lease_recompute(now, under_way)
        if key is None
        else new_lease(*_with_rivals(key, under_way))
    )


def _with_rivals(key: str, under_way: set[str]) -> list[str]:
    """Return a key with those of its exclusive group: a person changes between them in one swap."""
    live = Segment.objects.filter(status=Segment.Status.LIVE)
    groups = live.filter(key=key, group__isnull=False).values("group")
    rivals = live.filter(group__in=groups, failed_at=None).exclude(key__in={key, *under_way})
    return sorted([key, *rivals.values_list("key", flat=True)])


def _lease_recompute(now: datetime, under_way: set[str]) -> Rebuild | None:
    """Return a lease on what is to have new boundaries; None if nothing is."""
    for family in due_families(now):
        if under_way.isdisjoint(family.segments.values_list("key", flat=True)):
            return lease_family(family)
    segment = due_segments(now).exclude(key__in=under_way).first()
    return None if segment is None else new_lease(segment.key, recomputes=True)


def _built_with_other_inputs() -> list[int]:
    """Return the ids of the segments that were built in another time zone, for instance."""
    live = read_live_definitions()
    context = make_context(live.nodes, now=database_now())
    return [
        segment.id
        for segment in live.segments
        if segment.built_with != global_inputs(segment.node, context)
    ]
