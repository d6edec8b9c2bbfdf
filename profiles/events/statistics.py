"""Event statistics per profile and event name: count, sum, first and last time.

They are added to as events arrive, and recomputed from the events when events move or go.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django.db import connection

from profiles.events import sql
from profiles.events.drafts import AttributedEvent
from profiles.lib.database import array_of


def add_to_stats(events: Sequence[AttributedEvent]) -> None:
    """Add new events to the statistics."""
    if events:
        with connection.cursor() as cursor:
            cursor.execute(sql.ADD_TO_STATS, _increment_columns(events))


def _increment_columns(events: Sequence[AttributedEvent]) -> list[str]:
    """Sum the events up per statistic and return the columns that ADD_TO_STATS takes."""
    # Lists changed in place: this loop runs for every event that the drain stores.
    increments: dict[tuple[int, int], list[Any]] = {}
    for profile_id, _, (name_id, timestamp, value, *_) in events:
        key = (profile_id, name_id)
        increment = increments.get(key)
        if increment is None:
            increments[key] = [*key, 1, value or Decimal(0), timestamp, timestamp]
            continue
        increment[2] += 1
        if value is not None:
            increment[3] += value
        if timestamp < increment[4]:
            increment[4] = timestamp
        elif timestamp > increment[5]:
            increment[5] = timestamp
    return [array_of(column) for column in zip(*increments.values(), strict=True)]


def recompute_stats(profile_ids: Iterable[int]) -> None:
    """Rebuild the statistics of these profiles from their events."""
    ids = array_of(sorted(set(profile_ids)))
    with connection.cursor() as cursor:
        cursor.execute(sql.DELETE_STATS, [ids])
        cursor.execute(sql.RECOMPUTE_STATS, [ids])
