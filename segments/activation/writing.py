"""Writing what is to be told, and that it is: deliveries, and the state of each key by them.

Both take thousands of rows as one parameter, where the ORM's bulk_create sends each value by
itself.
"""

from collections.abc import Mapping, Sequence

from django.db import connection

from profiles.lib import exact_json
from segments.activation import sql
from segments.models import Delivery, Told


def insert_deliveries(deliveries: Sequence[Delivery]) -> None:
    """Insert deliveries that wait, in their order."""
    rows = [
        {
            "message": each.message,
            "webhook_id": each.webhook_id,
            "segment_id": each.segment_id,
            "event": each.event,
            "key": each.key,
            "subject_id": each.subject_id,
            "body": each.body,
            "created_at": each.created_at,
        }
        for each in deliveries
    ]
    _execute(sql.INSERT_DELIVERIES, rows)


def keep_told(states: Sequence[Told]) -> None:
    """Keep what is told of keys; of a key that was told before its reference stays."""
    rows = [
        {
            "webhook_id": each.webhook_id,
            "segment_id": each.segment_id,
            "key": each.key,
            "subject_id": each.subject_id,
            "is_in": each.is_in,
            "message": each.message,
            "told_at": each.told_at,
            "digest": each.digest,
            "reference": each.sealed_reference and bytes(each.sealed_reference).hex(),
        }
        # In one order, so that two writers of one key cannot deadlock.
        for each in sorted(states, key=_place)
    ]
    _execute(sql.UPSERT_TOLD, rows)


def _place(state: Told) -> tuple[str, int, str]:
    return str(state.webhook_id), state.segment_id or 0, str(state.key)


def _execute(statement: str, rows: Sequence[Mapping[str, object]]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(statement, [exact_json.dumps(rows)])
