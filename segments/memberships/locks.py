"""The slot locks, the definition lock, and the time that memberships are evaluated at.

Profiles are divided into 64 slots by their id. A writer of memberships first locks the slot of the
profile, then claims the work, and then reads in later statements.

Invariant: the locks end with the transaction, so no process can die and leave one behind.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Max

from profiles.lib.database import database_now
from segments.memberships import sql
from segments.models import Segment

# Within the months for which partitions of the history are made ahead.
MAX_AHEAD = timedelta(days=60)


def try_slots(slots: Iterable[int]) -> list[int]:
    """Lock those of the slots that are free, without waiting, and return them."""
    with connection.cursor() as cursor:
        cursor.execute(sql.TRY_SLOTS, [list(slots), sql.LOCK_SPACE])
        return [slot for (slot,) in cursor.fetchall()]


def lock_slots(slots: Iterable[int]) -> None:
    """Wait for the slots and lock them."""
    with connection.cursor() as cursor:
        cursor.execute(sql.LOCK_SLOTS, [sql.LOCK_SPACE, list(slots)])


def lock_all_slots() -> None:
    """Wait for all slots and lock them, so that no membership can change."""
    lock_slots(range(sql.SLOTS))


def lock_definitions() -> None:
    """Wait for the lock that every writer of definitions takes.

    Two definitions saved at once could refer to each other, and neither writer would notice.
    """
    lock_slots([sql.DEFINITIONS])


class MomentError(ValueError):
    """The time is too far ahead to evaluate memberships at.

    Every later refresh would have to wait for it, and the history has no partition for it yet.
    """


def refuse_far_ahead(now: datetime | None) -> None:
    """Raise MomentError for a time more than `MAX_AHEAD` in the future."""
    if now is not None and now > database_now() + MAX_AHEAD:
        raise MomentError(f"Memberships move ahead by {MAX_AHEAD.days} days at most.")


def evaluation_time(now: datetime | None) -> datetime:
    """Return the time to evaluate at: `now`, or the database's clock.

    It is never before the last evaluation, or memberships would go back in time.
    """
    moment = database_now() if now is None else now
    latest: datetime | None = Segment.objects.filter(status=Segment.Status.LIVE).aggregate(
        latest=Max("evaluated_at")
    )["latest"]
    return moment if latest is None else max(moment, latest)
