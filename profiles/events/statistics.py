"""How often and how much each person did each thing: added up as events come, recomputed from them when they move."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django.db import connection

from profiles.events import sql
from profiles.events.copy_format import AttributedEvent
from profiles.lib.database import array_of


def add_to_stats(arrivals: Sequence[AttributedEvent]) -> None:
    """Add what new events come to to the statistics."""
    if arrivals:
        with connection.cursor() as cursor:
            cursor.execute(sql.ADD_TO_STATS, _added(arrivals))


def _added(arrivals: Sequence[AttributedEvent]) -> list[str]:
    """What the events add to each statistic, as the columns of ADD_TO_STATS."""
    added: dict[tuple[int, int], list[Any]] = {}
    for profile_id, _, (name_id, timestamp, value, _) in arrivals:
        key = (profile_id, name_id)
        stat = added.get(key)
        if stat is None:
            added[key] = [*key, 1, value or Decimal(0), timestamp, timestamp]
            continue
        stat[2] += 1
        if value is not None:
            stat[3] += value
        if timestamp < stat[4]:
            stat[4] = timestamp
        elif timestamp > stat[5]:
            stat[5] = timestamp
    return [array_of(column) for column in zip(*added.values(), strict=True)]


def recompute_stats(profile_ids: Iterable[int]) -> None:
    """Make the statistics of these profiles from their events again."""
    ids = array_of(sorted(set(profile_ids)))
    with connection.cursor() as cursor:
        cursor.execute(sql.DELETE_STATS, [ids])
        cursor.execute(sql.RECOMPUTE_STATS, [ids])
