"""The time that memberships are evaluated at, which only moves ahead."""

from datetime import UTC, datetime, timedelta

from django.db.models import Max

from profiles.lib.database import database_now
from segments.models import Segment

# Within the months for which partitions of the history are made ahead.
MAX_AHEAD = timedelta(days=60)
# Windows reach back a century, and clocks of segments are compared with these times.
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)


class MomentError(ValueError):
    """Memberships cannot be evaluated at this time.

    Every later refresh would have to wait for a time far ahead, and the history has no partition
    for it yet.
    """


def refuse_out_of_range(now: datetime | None) -> None:
    """Raise MomentError for a time before `EARLIEST` or more than `MAX_AHEAD` in the future."""
    if now is None:
        return
    if now < EARLIEST:
        raise MomentError(f"Memberships are evaluated from {EARLIEST.year} on.")
    if now > database_now() + MAX_AHEAD:
        raise MomentError(f"Memberships move ahead by {MAX_AHEAD.days} days at most.")


def evaluation_time(now: datetime | None) -> datetime:
    """Return the time to evaluate at: `now`, or the database's clock.

    It is never before the last evaluation, or memberships would go back in time.
    """
    moment = database_now() if now is None else now.astimezone(UTC)
    latest: datetime | None = Segment.objects.filter(status=Segment.Status.LIVE).aggregate(
        latest=Max("evaluated_at")
    )["latest"]
    return moment if latest is None else max(moment, latest)
