"""The time that memberships are evaluated at, which only moves ahead."""

from datetime import datetime, timedelta

from django.db.models import Max

from profiles.lib.database import database_now
from segments.models import Segment

# Within the months for which partitions of the history are made ahead.
MAX_AHEAD = timedelta(days=60)


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
