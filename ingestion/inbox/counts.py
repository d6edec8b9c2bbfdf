"""Counting what is dropped, by source, day and reason."""

from collections.abc import Mapping
from datetime import UTC

from django.db import connection

from ingestion.inbox import sql
from profiles.lib.database import database_now


def count_dropped(counts: Mapping[tuple[int, str], int]) -> None:
    """Add to today's counts, each of a source and a reason."""
    if not counts:
        return
    day = database_now().astimezone(UTC).date()
    with connection.cursor() as cursor:
        # In order, so that two drains cannot deadlock.
        for (source_id, reason), count in sorted(counts.items()):
            cursor.execute(sql.COUNT_DROPPED, [source_id, day, reason, count])
