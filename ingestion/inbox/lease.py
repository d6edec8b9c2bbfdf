"""The durable inbox: rows accepted, leased, extended and finished.

Invariant: a row leaves the inbox in the very transaction in which its messages take effect, and only by the worker whose
lease it carries.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid4

import lz4.frame
from django.conf import settings
from django.db import connection, transaction

from ingestion.inbox import sql

ROWS_PER_LEASE = 500


class LostLease(Exception):
    """Another worker took the rows over: nothing of this transaction may stay."""


class LeasedRow(NamedTuple):
    """One request to drain. `attempts` counts this one."""

    id: int
    source_id: int
    trust: int
    body: bytes
    received_at: datetime
    attempts: int
    is_opted_out: bool


def lease_rows() -> tuple[UUID, list[LeasedRow]]:
    """Lease the oldest free rows of about one chunk, and count the attempt, in a transaction of its own."""
    lease = uuid4()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            sql.LEASE,
            {
                "rows": ROWS_PER_LEASE,
                "lease": lease,
                "seconds": settings.INBOX_LEASE_SECONDS,
                "messages": settings.INBOX_CHUNK_MESSAGES,
            },
        )
        rows = [LeasedRow(*row) for row in cursor.fetchall()]
    unpacked = [row._replace(body=lz4.frame.decompress(row.body)) for row in rows]
    return lease, sorted(unpacked, key=lambda row: row.id)


def finish_rows(lease: UUID, row_ids: Sequence[int]) -> None:
    """Delete what was drained. Raises LostLease where any row is no longer this lease's."""
    with connection.cursor() as cursor:
        cursor.execute(sql.FINISH, [lease, list(row_ids)])
        if cursor.rowcount != len(row_ids):
            raise LostLease


def hold_rows(lease: UUID, row_ids: Sequence[int]) -> None:
    """Keep others from the rows until the transaction ends. Raises LostLease where another worker has one already."""
    with connection.cursor() as cursor:
        cursor.execute(sql.HOLD, [lease, list(row_ids)])
        if cursor.rowcount != len(row_ids):
            raise LostLease


def release_rows(lease: UUID) -> None:
    """Give back what is left of a lease, so that it is tried again at once."""
    with connection.cursor() as cursor:
        cursor.execute(sql.RELEASE, [lease])


@contextmanager
def extended_lease(lease: UUID) -> Iterator[None]:
    """Extend the lease every third of its time, on a connection of its own, while the block runs."""
    done = threading.Event()
    keeper = threading.Thread(target=_extend_until, args=(lease, done), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()


def _extend_until(lease: UUID, done: threading.Event) -> None:
    while not done.wait(settings.INBOX_LEASE_SECONDS / 3):
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql.EXTEND_LEASE, [settings.INBOX_LEASE_SECONDS, lease])
        finally:
            connection.close()
