"""Deleting events that have outlived their time, and giving back the space of emptied months.

The caller says how long; their statistics are the caller's to recompute.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import OperationalError, connection, transaction
from psycopg import sql as composed
from psycopg.errors import LockNotAvailable

from profiles.events import sql
from profiles.lib.database import array_of
from profiles.lib.partitions import month_start, partition_names

TABLE = "profiles_event"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventExpiry:
    """Which events of some profiles go: those of a name that nothing keeps at `now`.

    A pair of ISO 8601 durations keeps an event until the first of them has passed after its time;
    the second may be missing. `latest` is a bound that spares reading newer events.
    """

    profile_ids: Sequence[int]
    name_id: int
    keepings: Sequence[tuple[str, str | None]]
    latest: datetime
    now: datetime

    def parameters(self) -> dict[str, object]:
        return {
            "profiles": array_of(self.profile_ids),
            "name": self.name_id,
            "periods": [period for period, _ in self.keepings],
            "graces": [grace for _, grace in self.keepings],
            "latest": self.latest,
            "now": self.now,
        }


def count_expired_events(expiry: EventExpiry) -> dict[int, int]:
    """Return how many events of each profile have outlived their time."""
    return _counts(sql.COUNT_EXPIRED_EVENTS, expiry)


def delete_expired_events(expiry: EventExpiry) -> dict[int, int]:
    """Delete these events, and return how many of each profile. Under the people lock."""
    return _counts(sql.DELETE_EXPIRED_EVENTS, expiry)


def reclaim_empty_months(*, now: datetime) -> list[str]:
    """Give back the space of past months without any event; return their partitions.

    They stay as they are, for events that come late.
    """
    current = f"{TABLE}_{month_start(now):%Y_%m}"
    past = [name for name in sorted(partition_names(TABLE)) if name < current]
    return [name for name in past if _reclaim(name)]


def _reclaim(partition: str) -> bool:
    try:
        return _truncate_if_empty(partition)
    except OperationalError as error:
        # Somebody reads or writes the month: the next run tries again.
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        return False


def _truncate_if_empty(partition: str) -> bool:
    names = {"table": composed.Identifier(partition)}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.HAS_PAGES, [partition])
        if not cursor.fetchone()[0]:
            return False
        # Others wait behind this lock, so that it is not waited for long.
        cursor.execute(sql.LIMIT_WAITING)
        cursor.execute(sql.LOCK_MONTH.format(**names))
        cursor.execute(sql.HAS_EVENTS.format(**names))
        if cursor.fetchone()[0]:
            return False
        cursor.execute(sql.TRUNCATE_MONTH.format(**names))
    return True


def _counts(statement: str, expiry: EventExpiry) -> dict[int, int]:
    counts: Counter[int] = Counter()
    with connection.cursor() as cursor:
        cursor.execute(statement, expiry.parameters())  # type: ignore[arg-type]
        counts.update(dict(cursor.fetchall()))
    return counts
