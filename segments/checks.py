"""A system check: PostgreSQL and Python agree when the store's zone changes its clocks.

Windows and birthdays are computed by both. Were one of them to know another law of the zone, a
membership would flip at one instant and be foretold for another.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core import checks
from django.db import DatabaseError, connection

from segments.definitions.sql import LOCAL_TIMES

FIRST_YEAR = 1970
YEARS_AHEAD = 10
DAY = timedelta(days=1)


def check_zone(*, databases: Sequence[str] | None = None, **_: object) -> list[checks.CheckMessage]:
    """`segments.W001`: a local time that PostgreSQL and Python compute differently."""
    if not databases:
        return []
    try:
        instant = first_difference(ZoneInfo(settings.TIME_ZONE), datetime.now(UTC).year)
    except DatabaseError:
        # There is no database yet: nothing is computed in it.
        return []
    if instant is None:
        return []
    return [
        checks.Warning(
            f"PostgreSQL and Python disagree on {settings.TIME_ZONE} at {instant.isoformat()}.",
            hint="Bring tzdata of the system or the package, and that of PostgreSQL, up to date.",
            id="segments.W001",
        )
    ]


def first_difference(zone: ZoneInfo, this_year: int) -> datetime | None:
    """Return the first instant at which the two have different local times; None if they agree.

    They are asked at the start of each UTC day, from the year 1970 to ten years from now, and on
    both sides of each change of the clocks that Python knows.
    """
    days = _days(this_year + YEARS_AHEAD)
    changes = [change for day in days for change in _changes(day, zone)]
    around = [change - timedelta(seconds=1) for change in changes]
    instants = sorted({*days, *changes, *around})
    with connection.cursor() as cursor:
        cursor.execute(LOCAL_TIMES, [zone.key, instants])
        local_times = [local for (local,) in cursor.fetchall()]
    for instant, local in zip(instants, local_times, strict=True):
        if instant.astimezone(zone).replace(tzinfo=None) != local:
            return instant
    return None


def _days(last_year: int) -> list[datetime]:
    first = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
    number = (datetime(last_year, 12, 31, tzinfo=UTC) - first).days
    return [first + DAY * place for place in range(number)]


def _changes(day: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield the second of a UTC day at which the clocks of a zone change, if they do."""
    low, high = day, day + DAY
    if _offset(low, zone) == _offset(high, zone):
        return
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        low, high = (middle, high) if _offset(middle, zone) == _offset(low, zone) else (low, middle)
    yield high


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta | None:
    return instant.astimezone(zone).utcoffset()
