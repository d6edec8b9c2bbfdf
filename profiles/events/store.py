"""Storing events by COPY, taking them back, and the time span in which a profile was seen."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from profiles.events import sql
from profiles.events.drafts import AttributedEvent
from profiles.lib.database import array_of


def copy_events(events: Sequence[AttributedEvent]) -> None:
    """Store events. Their statistics are the caller's to add."""
    if not events:
        return
    with connection.cursor() as cursor, cursor.copy(sql.COPY_EVENTS) as copy:
        copy.set_types(sql.EVENT_COLUMN_TYPES)
        for profile_id, identifier_id, draft in events:
            copy.write_row((profile_id, identifier_id, *draft.columns))


def take_back_events(keys: Sequence[tuple[int, datetime, str]]) -> None:
    """Delete events by their primary keys (profile, timestamp, id)."""
    if keys:
        with connection.cursor() as cursor:
            columns = [array_of(column) for column in zip(*keys, strict=True)]
            cursor.execute(sql.TAKE_BACK_EVENTS, columns)


def widen_seen_spans(spans: Mapping[int, tuple[datetime, datetime]], *, made_at: datetime) -> None:
    """Extend `first_seen_at` and `last_seen_at` of each profile to the (first, last) given.

    `made_at` is the time at which this transaction makes profiles; no message of theirs has it.
    """
    if not spans:
        return
    # In order of id, like every statement that updates many rows: two drains cannot deadlock.
    ids = sorted(spans)
    firsts, lasts = zip(*(spans[profile_id] for profile_id in ids), strict=True)
    with connection.cursor() as cursor:
        parameters: dict[str, Any] = {
            "ids": array_of(ids),
            "firsts": array_of(firsts),
            "lasts": array_of(lasts),
            "made_at": made_at,
        }
        cursor.execute(sql.WIDEN_SEEN_SPANS, parameters)
