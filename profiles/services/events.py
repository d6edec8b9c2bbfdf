"""Events into their months by COPY, and into their statistics by one upsert."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from profiles import sql
from profiles.models import EventName
from profiles.services.database import array_of
from profiles.services.drafts import Arrival, NameRef, copy_block


def resolve_names(names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], NameRef]:
    """The dictionary's entry of each (kind, name), made where it is new."""
    wanted = set(names)
    found = _find_names(wanted)
    if missing := wanted - found.keys():
        EventName.objects.bulk_create(
            [EventName(kind=kind, name=name) for kind, name in sorted(missing)],
            ignore_conflicts=True,
        )
        found |= _find_names(missing)
    return found


def _find_names(wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], NameRef]:
    rows = EventName.objects.filter(name__in={name for _, name in wanted}).values_list(
        "kind", "name", "id", "value_property"
    )
    return {(kind, name): NameRef(number, value) for kind, name, number, value in rows}


def copy_events(arrivals: Sequence[Arrival]) -> None:
    """Store events, without their statistics."""
    if not arrivals:
        return
    with connection.cursor() as cursor, cursor.copy(sql.COPY_EVENTS) as copy:
        copy.write(copy_block(arrivals))


def take_back_events(places: Sequence[tuple[int, datetime, str]]) -> None:
    """Delete events by their keys: profile, timestamp, id."""
    if places:
        with connection.cursor() as cursor:
            columns = [array_of(column) for column in zip(*places, strict=True)]
            cursor.execute(sql.TAKE_BACK_EVENTS, columns)


def add_to_stats(arrivals: Sequence[Arrival]) -> None:
    """Add what new events come to to the statistics."""
    if arrivals:
        with connection.cursor() as cursor:
            cursor.execute(sql.ADD_TO_STATS, _added(arrivals))


def _added(arrivals: Sequence[Arrival]) -> list[str]:
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


def see_profiles(spans: Mapping[int, tuple[datetime, datetime]]) -> None:
    """Widen the time in which each profile was seen: profile → (first, last)."""
    if not spans:
        return
    ids = sorted(spans)
    firsts, lasts = zip(*(spans[profile] for profile in ids), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(sql.SEE_PROFILES, [array_of(ids), array_of(firsts), array_of(lasts)])


def recompute_stats(profile_ids: Iterable[int]) -> None:
    """Make the statistics of these profiles from their events again."""
    ids = array_of(sorted(set(profile_ids)))
    with connection.cursor() as cursor:
        cursor.execute(sql.DELETE_STATS, [ids])
        cursor.execute(sql.RECOMPUTE_STATS, [ids])
