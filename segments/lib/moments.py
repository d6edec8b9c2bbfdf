"""The times that definitions are evaluated at. That of memberships only moves ahead."""

from datetime import UTC, datetime, timedelta

from django.db.models import Max

from profiles.lib.database import database_now
from segments.models import Segment

# Within the months for which partitions of the history are made ahead.
MAX_AHEAD = timedelta(days=60)
# Windows reach back a century and dates go from the year 1000 to 9998, so that no computation
# around these times overflows.
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(3000, 1, 1, tzinfo=UTC)


class MomentError(ValueError):
    """Nothing can be evaluated at this time."""


def refuse_out_of_range(at: datetime | None) -> None:
    """Raise MomentError for a time at which no definition can be evaluated."""
    if at is not None and not EARLIEST <= at < LATEST:
        raise MomentError(f"Times go from the year {EARLIEST.year} to {LATEST.year - 1}.")


def refuse_far_ahead(now: datetime | None) -> None:
    """Raise MomentError for a time at which memberships cannot be evaluated.

    Every later refresh would have to wait for a time far ahead, and the history has no partition
    for it yet.
    """
    refuse_out_of_range(now)
    if now is not None and now > database_now() + MAX_AHEAD:
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
