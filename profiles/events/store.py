"""Events into their months by COPY, and into their statistics by one upsert."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import connection

from profiles.events import sql
from profiles.events.copy_format import AttributedEvent, copy_block
from profiles.lib.database import array_of


def copy_events(arrivals: Sequence[AttributedEvent]) -> None:
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


def widen_seen_spans(spans: Mapping[int, tuple[datetime, datetime]]) -> None:
    """Widen the time in which each profile was seen: profile → (first, last)."""
    if not spans:
        return
    ids = sorted(spans)
    firsts, lasts = zip(*(spans[profile] for profile in ids), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(sql.WIDEN_SEEN_SPANS, [array_of(ids), array_of(firsts), array_of(lasts)])
