"""What became of each message of a chunk: counted by source and hour, shown for a while.

Invariant: each accepted message is counted once, in the transaction in which it ends. Rejected ones
are counted where they are kept. A replay is not counted again: its rejected message has the end.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from operator import itemgetter
from typing import TypeVar

import msgspec
from django.db import connection

from ingestion import file_rows
from ingestion.drain.chunk import Chunk, PendingMessage
from ingestion.file_rows import count_rows
from ingestion.inbox import sql
from ingestion.inbox.body import pack_message
from ingestion.inbox.counts import count_messages, hour_of
from ingestion.inbox.lease import LeasedRow
from ingestion.inbox.rejected import RowRejection, note_outcome
from ingestion.messages import Message
from ingestion.models import MessageCount, RecentMessage
from profiles.lib import exact_json
from profiles.services import special_among

# Of each source, as many are kept, and so many of one chunk: a busy source shows a sample.
RECENT_KEPT = 100
RECENT_OF_CHUNK = 20
MAX_BODY_BYTES = 8 * 1024
NAMED = {"user_id": "userId", "anonymous_id": "anonymousId"}
STORED, REPEAT = MessageCount.Outcome.STORED, MessageCount.Outcome.REPEAT
Each = TypeVar("Each", PendingMessage, RowRejection)
DROPPED, REJECTED = MessageCount.Outcome.DROPPED, MessageCount.Outcome.REJECTED


END_OF_ROW = {
    STORED: file_rows.STORED,
    REPEAT: file_rows.UNCHANGED,
    DROPPED: file_rows.DROPPED,
}


def account_for(
    chunk: Chunk, kept: Sequence[PendingMessage], rejected: Iterable[RowRejection]
) -> None:
    """Count the messages of a chunk by their end, and keep the last ones for staff to see.

    `kept` took effect; `rejected` were refused with the chunk's own rejections.
    """
    refused = [*chunk.rejections, *rejected]
    gone = _dropped(chunk, kept, refused)
    counts: Counter[tuple[int, datetime, str]] = Counter()
    of_files: Counter[tuple[int, str]] = Counter()
    for messages, outcome in ((kept, STORED), (chunk.repeats, REPEAT), (gone, DROPPED)):
        by_row = Counter(pending.row.id for pending in messages)
        for row in chunk.rows if by_row else ():
            if row.file_import_id is not None:
                of_files[row.file_import_id, END_OF_ROW[outcome]] += by_row[row.id]
            if row.first_arrival is None:
                counts[row.source_id, hour_of(row.received_at), outcome] += by_row[row.id]
            elif by_row[row.id]:
                note_outcome(row.origin(0), outcome)
    count_messages({key: count for key, count in counts.items() if count})
    count_rows({key: count for key, count in of_files.items() if count})
    stored = list(_last(kept))
    special = special_among({key for each in stored for key in each.message.traits})
    _keep_recent(
        [
            *((_order(each.row, each.message.place), _stored(each, special)) for each in stored),
            *((_order(each.row, each.message.place), _gone(each.row)) for each in _last(gone)),
            *((_order(each.row, each.rejection.place), _refused(each)) for each in _last(refused)),
        ]
    )


def _last(messages: Sequence[Each]) -> Iterable[Each]:
    """Yield the last messages of each source; the others would not be kept."""
    numbers: Counter[int] = Counter()
    for each in reversed(messages):
        numbers[each.row.source_id] += 1
        if numbers[each.row.source_id] <= RECENT_OF_CHUNK:
            yield each


def _order(row: LeasedRow, place: int) -> tuple[datetime, int, int]:
    return row.received_at, row.id, place


def _dropped(
    chunk: Chunk, kept: Sequence[PendingMessage], refused: Iterable[RowRejection]
) -> list[PendingMessage]:
    """Return the messages of the chunk that neither took effect nor were refused."""
    if len(kept) == len(chunk.messages):
        return []
    ended = {(pending.row.id, pending.message.place) for pending in kept}
    ended |= {(row.id, rejection.place) for row, rejection in refused}
    return [
        pending
        for pending in chunk.messages
        if (pending.row.id, pending.message.place) not in ended
    ]


def _stored(pending: PendingMessage, special: Collection[str]) -> RecentMessage:
    message = pending.message
    return RecentMessage(
        source_id=pending.row.source_id,
        received_at=pending.row.received_at,
        outcome=STORED,
        type=message.type,
        name=message.name,
        body=_as_taken(message, special),
    )


def _as_taken(message: Message, special: Collection[str]) -> bytes:
    """Return what was taken of a message, without what was cut out of it, and special traits."""
    named: dict[str, object] = {}
    for namespace, value in message.refs:
        if field := NAMED.get(namespace):
            # An alias has two anonymous ids.
            named.setdefault(field if field not in named else "previousId", value)
    parts = {"properties": message.properties, "context": message.context}
    content = {name: msgspec.Raw(text.encode()) for name, text in parts.items() if text != "{}"}
    event = {"event": message.name} if message.kind else {}
    open_traits = {key: value for key, value in message.traits.items() if key not in special}
    traits = {"traits": open_traits} if open_traits else {}
    return exact_json.dump_bytes({"type": message.type, **named, **event, **traits, **content})


def _gone(row: LeasedRow) -> RecentMessage:
    return RecentMessage(
        source_id=row.source_id, received_at=row.received_at, outcome=DROPPED, body=b""
    )


def _refused(refused: RowRejection) -> RecentMessage:
    row, rejection = refused
    return RecentMessage(
        source_id=row.source_id,
        received_at=row.received_at,
        outcome=REJECTED,
        code=rejection.code,
        body=b"",
    )


def _keep_recent(messages: Sequence[tuple[tuple[datetime, int, int], RecentMessage]]) -> None:
    """Keep the last messages of each source, in the order in which they came."""
    by_source: dict[int, list[RecentMessage]] = defaultdict(list)
    for _, message in sorted(messages, key=itemgetter(0)):
        by_source[message.source_id].append(message)
    if not by_source:
        return
    latest = [
        message
        for _, of_source in sorted(by_source.items())
        for message in of_source[-RECENT_OF_CHUNK:]
    ]
    for message in latest:
        message.body = pack_message(bytes(message.body)[:MAX_BODY_BYTES])
    RecentMessage.objects.bulk_create(latest)
    with connection.cursor() as cursor:
        cursor.execute(sql.FORGET_RECENT, {"sources": list(by_source), "kept": RECENT_KEPT})
