"""Counting messages that were taken though they break a plan."""

from collections.abc import Mapping
from datetime import UTC, datetime

from django.db import connection

from ingestion.plans import sql


def count_breaches(counts: Mapping[tuple[int, str], int], *, now: datetime) -> None:
    """Add to the counts of the day, each of a source and an event of its plan."""
    if not counts:
        return
    # In order, so that two drains cannot deadlock.
    keys = sorted(counts)
    source_ids, events = zip(*keys, strict=True)
    columns = (list(source_ids), list(events), [counts[key] for key in keys])
    with connection.cursor() as cursor:
        cursor.execute(sql.COUNT_BREACHES, [now.astimezone(UTC).date(), *columns])
