"""Leases on inbox rows: a worker takes free rows for some seconds, and extends the lease.

Invariant: a row leaves the inbox in the very transaction in which its messages take effect, and
only by the worker whose lease it carries.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from ingestion.inbox import sql
from ingestion.inbox.body import InboxBody, unpack_body
from ingestion.models import InboxRow
from profiles.lib.heartbeat import heartbeat

ROWS_PER_LEASE = 500
PLACES_PER_ROW = 4096  # a request has at most 2500 messages


class LostLease(Exception):
    """Another worker took the rows over: nothing of this transaction may stay."""


class LeasedRow(NamedTuple):
    """One request to drain. `attempts` counts this one."""

    id: int
    source_id: int
    trust: int
    packed: bytes
    received_at: datetime
    attempts: int
    is_opted_out: bool
    first_arrival: int | None = None
    file_import_id: int | None = None

    def origin(self, place: int) -> tuple[int, int]:
        """Return the row and place at which a message first came: of a replay, those of then."""
        first = self.first_arrival
        return (self.id, place) if first is None else divmod(first, PLACES_PER_ROW)

    @property
    def body(self) -> InboxBody:
        """The request. Raises RuntimeError where its bytes were damaged."""
        return unpack_body(self.packed)


def pack_origin(row_id: int, place: int) -> int:
    """Return one number for the row and place at which a message first came."""
    return row_id * PLACES_PER_ROW + place


def lease_rows() -> tuple[UUID, list[LeasedRow]]:
    """Lease the oldest rows of about one chunk that nobody tried, and count the attempt."""
    return _lease(sql.LEASE, {"rows": ROWS_PER_LEASE, "messages": settings.INBOX_CHUNK_MESSAGES})


def lease_late_row() -> tuple[UUID, list[LeasedRow]]:
    """Lease one row that was tried before and is due again, and count the attempt."""
    return _lease(sql.LEASE_LATE, {})


def lease_any_row() -> tuple[UUID, list[LeasedRow]]:
    """Lease one free row by chance, to see whether it can be drained."""
    return _lease(sql.LEASE_ANY, {})


def finish_rows(lease: UUID, row_ids: Sequence[int]) -> None:
    """Delete what was drained. Raises LostLease where any row is no longer this lease's."""
    _execute_on_rows(sql.FINISH, lease, row_ids)


def hold_rows(lease: UUID, row_ids: Sequence[int]) -> None:
    """Lock the rows until the transaction ends.

    Raises LostLease where another worker has one already.
    """
    _execute_on_rows(sql.HOLD, lease, row_ids)


def note_ended(row_id: int) -> None:
    """Count one more message of a row that ended, for whoever finishes the row."""
    InboxRow.objects.filter(pk=row_id).update(ended=F("ended") + 1)


def count_ended(row_id: int) -> int:
    """Return how many messages of a row ended when they were tried one by one."""
    ended = InboxRow.objects.filter(pk=row_id).values_list("ended", flat=True).first()
    return ended or 0


def postpone_row(lease: UUID, row_id: int) -> None:
    """Give a row back, to be tried again after 2, 4, 8 … seconds. Raises LostLease."""
    _execute_on_rows(sql.POSTPONE, lease, [row_id])


def release_rows(lease: UUID, postponed: Sequence[int] = ()) -> None:
    """Give back what is left of a lease, so that it is tried again at once.

    `postponed` are rows of it that were given back to be tried later, and are not to blame either.
    """
    with connection.cursor() as cursor:
        cursor.execute(sql.RELEASE, [lease, list(postponed)])


def extended_lease(lease: UUID) -> AbstractContextManager[None]:
    """Extend the lease every third of its time while the block runs."""
    return heartbeat(lambda: _extend(lease), seconds=settings.INBOX_LEASE_SECONDS / 3)


def _extend(lease: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.EXTEND_LEASE, [settings.INBOX_LEASE_SECONDS, lease])


def _lease(statement: str, parameters: dict[str, Any]) -> tuple[UUID, list[LeasedRow]]:
    """Lease rows in a transaction of its own, which counts the attempt before it begins."""
    lease = uuid4()
    parameters |= {"lease": lease, "seconds": settings.INBOX_LEASE_SECONDS}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows = [LeasedRow(*row) for row in cursor.fetchall()]
    return lease, sorted(rows, key=lambda row: row.id)


def _execute_on_rows(statement: str, lease: UUID, row_ids: Sequence[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, [lease, list(row_ids)])
        if cursor.rowcount != len(row_ids):
            raise LostLease
