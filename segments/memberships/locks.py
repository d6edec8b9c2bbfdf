"""The slot locks: whoever changes memberships of profiles holds their slots, then claims, then reads in later statements.

Invariant: locks are of the transaction, so no death of a process leaves one behind.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Max

from profiles.lib.database import database_now
from segments.memberships import sql
from segments.models import Segment

FARTHEST_AHEAD = timedelta(days=60)


def try_slots(slots: Iterable[int]) -> list[int]:
    """Lock those of the slots that nobody holds, and say which."""
    with connection.cursor() as cursor:
        cursor.execute(sql.TRY_SLOTS, [list(slots), sql.LOCK_SPACE])
        return [slot for (slot,) in cursor.fetchall()]


def lock_slots(slots: Iterable[int]) -> None:
    """Wait for the slots."""
    with connection.cursor() as cursor:
        cursor.execute(sql.LOCK_SLOTS, [sql.LOCK_SPACE, list(slots)])


def lock_all_slots() -> None:
    lock_slots(range(sql.SLOTS))


def lock_definitions() -> None:
    """Whoever saves a definition waits here: two saved at once could close a circle that neither sees."""
    lock_slots([sql.DEFINITIONS])


class MomentError(ValueError):
    """An instant too far ahead: every later refresh would have to wait for it, and its history has no partition yet."""


def refuse_far_ahead(now: datetime | None) -> None:
    """Raises MomentError for an instant that memberships cannot be moved to."""
    if now is not None and now > database_now() + FARTHEST_AHEAD:
        raise MomentError(f"Memberships move ahead by {FARTHEST_AHEAD.days} days at most.")


def clock(now: datetime | None) -> datetime:
    """The instant to evaluate at: the one asked for or the database's, and never before the last one."""
    moment = database_now() if now is None else now
    latest: datetime | None = Segment.objects.filter(status=Segment.Status.LIVE).aggregate(
        latest=Max("evaluated_at")
    )["latest"]
    return moment if latest is None else max(moment, latest)
