"""Taking a request in for good: one inbox row, committed before the answer."""

from ingestion.inbox import sql
from ingestion.inbox.body import InboxBody, pack_body
from profiles.lib.change_queue import nudge
from profiles.lib.database import binary_cursor

DRAIN = "ingestion.drain_inbox"


def accept(
    body: InboxBody, *, source_id: int, trust: int, message_count: int, is_opted_out: bool
) -> None:
    """Store a request. Once this returns in autocommit, its messages take effect exactly once.

    `is_opted_out` says that the request was sent with Sec-GPC: 1.
    """
    with binary_cursor() as cursor:
        cursor.execute(sql.ACCEPT, [source_id, trust, pack_body(body), message_count, is_opted_out])
    nudge(DRAIN)
