"""Runs of the engine over all people: one a day, resumed where a worker was killed.

Invariant: a lease with a heartbeat says who works on a run, and its place is written in the
transactions that delete; what a run did twice comes to the same.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Q

from consent.models import RetentionRun
from consent.retention.engine import count_expired, delete_expired
from consent.retention.forecasts import profile_batches
from consent.retention.units import Unit, load_units
from profiles.lib.batches import batches
from profiles.lib.database import database_now
from profiles.lib.heartbeat import heartbeat
from profiles.services import reclaim_empty_months

_LEASE = timedelta(minutes=2)
_BEAT_SECONDS = 20
# So many people at once hold the people lock for well under a second.
_PEOPLE_PER_TRANSACTION = 200


def apply_retention(*, now: datetime) -> dict[str, int]:
    """Delete what has outlived its time at this time, and return how many rows by unit."""
    return _work(RetentionRun.objects.create(at=now))


def apply_daily_retention() -> dict[str, int]:
    """Do the run of today, or go on with one that was left; nothing if it is done or leased."""
    now = database_now()
    left = RetentionRun.objects.filter(finished_at=None).order_by("started_at").first()
    run = left or RetentionRun.objects.get_or_create(day=now.date(), defaults={"at": now})[0]
    return {} if run.finished_at else _work(run)


def _work(run: RetentionRun) -> dict[str, int]:
    lease = uuid4()
    if not _take(run, lease):
        return {}
    with heartbeat(lambda: _extend(run, lease), seconds=_BEAT_SECONDS):
        run.refresh_from_db()
        units = [unit for unit in load_units() if unit.is_approved]
        for profile_ids in profile_batches(after=run.last_profile_id) if units else ():
            if not _work_on(run, lease, profile_ids, units):
                return dict(run.counts)
        emptied = reclaim_empty_months(now=run.at) if run.counts else []
    finished = RetentionRun.objects.filter(pk=run.pk, lease=lease)
    finished.update(finished_at=database_now(), lease=None, leased_until=None, emptied=emptied)
    return dict(run.counts)


def _work_on(
    run: RetentionRun, lease: UUID, profile_ids: Sequence[int], units: Sequence[Unit]
) -> bool:
    """Delete of some people, found without a lock; return whether the lease is still ours."""
    expired = sorted({pk for _, pk in count_expired(profile_ids, units, now=run.at)})
    for some in batches(expired, _PEOPLE_PER_TRANSACTION):
        with transaction.atomic():
            _add(run, delete_expired(some, now=run.at))
    place = RetentionRun.objects.filter(pk=run.pk, lease=lease)
    return place.update(last_profile_id=profile_ids[-1]) == 1


def _add(run: RetentionRun, counts: Counter[tuple[str, int]]) -> None:
    """Add to the counts of the run, in the transaction that deleted."""
    run.counts = RetentionRun.objects.select_for_update().get(pk=run.pk).counts
    for (unit, _), count in counts.items():
        run.counts[unit] = run.counts.get(unit, 0) + count
    run.save(update_fields=["counts"])


def _take(run: RetentionRun, lease: UUID) -> bool:
    now = database_now()
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    mine = RetentionRun.objects.filter(free, pk=run.pk, finished_at=None)
    return mine.update(lease=lease, leased_until=now + _LEASE) == 1


def _extend(run: RetentionRun, lease: UUID) -> None:
    RetentionRun.objects.filter(pk=run.pk, lease=lease).update(leased_until=database_now() + _LEASE)
