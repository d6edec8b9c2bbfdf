"""Taking a request in for good: one row, committed before the answer."""

import lz4.frame

from ingestion.inbox import sql
from profiles.lib.change_queue import nudge
from profiles.lib.database import binary_cursor

DRAIN = "ingestion.drain_inbox"


def accept(
    body: bytes, *, source_id: int, trust: int, message_count: int, is_opted_out: bool
) -> None:
    """Take a request in for good: once this returns in autocommit, its messages take effect exactly once."""
    with binary_cursor() as cursor:
        cursor.execute(
            sql.ACCEPT, [source_id, trust, lz4.frame.compress(body), message_count, is_opted_out]
        )
    nudge(DRAIN)
