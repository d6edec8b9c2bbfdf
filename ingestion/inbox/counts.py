"""Counting what each source sends: messages by hour and end, parts left out by day and reason."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from django.db import connection

from ingestion.inbox import sql
from ingestion.models import MessageCount, PlanBreach, RecentMessage
from profiles.lib.database import array_of, database_now

COUNTS_KEPT = timedelta(days=400)
RECENT_KEPT = timedelta(days=7)


def count_dropped(counts: Mapping[tuple[int, str], int]) -> None:
    """Add to today's counts, each of a source and a reason."""
    if not counts:
        return
    day = database_now().astimezone(UTC).date()
    with connection.cursor() as cursor:
        # In order, so that two drains cannot deadlock.
        for (source_id, reason), count in sorted(counts.items()):
            cursor.execute(sql.COUNT_DROPPED, [source_id, day, reason, count])


def count_messages(counts: Mapping[tuple[int, datetime, str], int]) -> None:
    """Add to the counts of messages, each of a source, the hour of receipt, and an end."""
    if not counts:
        return
    # In order, so that two drains cannot deadlock.
    source_ids, hours, outcomes = zip(*sorted(counts), strict=True)
    numbers = [counts[key] for key in sorted(counts)]
    columns = map(array_of, (source_ids, hours, outcomes, numbers))
    with connection.cursor() as cursor:
        cursor.execute(sql.COUNT_MESSAGES, list(columns))


def hour_of(moment: datetime) -> datetime:
    """Return the full hour, in UTC, that a moment lies in."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def prune_counts() -> None:
    """Delete counts after 400 days, and recent messages after 7."""
    now = database_now()
    MessageCount.objects.filter(hour__lt=now - COUNTS_KEPT).delete()
    PlanBreach.objects.filter(day__lt=now - COUNTS_KEPT).delete()
    RecentMessage.objects.filter(received_at__lt=now - RECENT_KEPT).delete()
