"""What became of each message of a chunk: counted by source and hour, shown for a while.

Invariant: each accepted message is counted once, in the transaction in which it ends. Rejected ones
are counted where they are kept. A replay is not counted again: its rejected message has the end.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from django.db import connection

from ingestion.drain.chunk import Chunk, PendingMessage
from ingestion.inbox import sql
from ingestion.inbox.body import pack_message
from ingestion.inbox.counts import count_messages, hour_of
from ingestion.inbox.rejected import RowRejection, note_outcome
from ingestion.messages import Message
from ingestion.models import MessageCount, RecentMessage
from profiles.lib import exact_json

# Of each source, as many are kept, and so many of one chunk: a busy source shows a sample.
RECENT_KEPT = 100
RECENT_OF_CHUNK = 20
MAX_BODY_BYTES = 8 * 1024
NAMED = {"user_id": "userId", "anonymous_id": "anonymousId"}
STORED, REPEAT = MessageCount.Outcome.STORED, MessageCount.Outcome.REPEAT
DROPPED, REJECTED = MessageCount.Outcome.DROPPED, MessageCount.Outcome.REJECTED


def account_for(
    chunk: Chunk, kept: Sequence[PendingMessage], rejected: Iterable[RowRejection]
) -> None:
    """Count the messages of a chunk by their end, and keep the last ones for staff to see.

    `kept` took effect; `rejected` were refused with the chunk's own rejections.
    """
    refused = [*chunk.rejections, *rejected]
    gone = _dropped(chunk, kept, refused)
    ends = [*_ends(kept, STORED), *_ends(chunk.repeats, REPEAT), *_ends(gone, DROPPED)]
    counts: Counter[tuple[int, datetime, str]] = Counter()
    for pending, outcome in ends:
        if pending.row.first_arrival is None:
            counts[pending.row.source_id, hour_of(pending.row.received_at), outcome] += 1
        else:
            note_outcome(pending.row.origin(pending.message.place), outcome)
    count_messages(counts)
    _keep_recent([*map(_recent, kept), *map(_recent_drop, gone), *map(_recent_refusal, refused)])


def _ends(messages: Iterable[PendingMessage], outcome: str) -> Iterable[tuple[PendingMessage, str]]:
    return ((pending, outcome) for pending in messages)


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


def _recent(pending: PendingMessage) -> RecentMessage:
    message = pending.message
    return RecentMessage(
        source_id=pending.row.source_id,
        received_at=pending.row.received_at,
        outcome=STORED,
        type=message.type,
        name=message.name,
        body=_as_taken(message),
    )


def _as_taken(message: Message) -> bytes:
    """Return what was taken of a message, without what was cut out of it for erased people."""
    named: dict[str, object] = {}
    for namespace, value in message.refs:
        if field := NAMED.get(namespace):
            # An alias has two anonymous ids.
            named.setdefault(field if field not in named else "previousId", value)
    parts = {"properties": message.properties, "context": message.context}
    content = {name: msgspec.Raw(text.encode()) for name, text in parts.items() if text != "{}"}
    event = {"event": message.name} if message.kind else {}
    traits = {"traits": message.traits} if message.traits else {}
    return exact_json.dump_bytes({"type": message.type, **named, **event, **traits, **content})


def _recent_drop(pending: PendingMessage) -> RecentMessage:
    row = pending.row
    return RecentMessage(
        source_id=row.source_id, received_at=row.received_at, outcome=DROPPED, body=b""
    )


def _recent_refusal(refused: RowRejection) -> RecentMessage:
    row, rejection = refused
    return RecentMessage(
        source_id=row.source_id,
        received_at=row.received_at,
        outcome=REJECTED,
        code=rejection.code,
        body=b"",
    )


def _keep_recent(messages: Iterable[RecentMessage]) -> None:
    """Keep the last messages of each source, in the order of their receipt."""
    by_source: dict[int, list[RecentMessage]] = defaultdict(list)
    for message in messages:
        by_source[message.source_id].append(message)
    if not by_source:
        return
    latest = [
        message
        for _, of_source in sorted(by_source.items())
        for message in sorted(of_source, key=lambda each: each.received_at)[-RECENT_OF_CHUNK:]
    ]
    for message in latest:
        message.body = pack_message(bytes(message.body)[:MAX_BODY_BYTES])
    RecentMessage.objects.bulk_create(latest)
    with connection.cursor() as cursor:
        cursor.execute(sql.FORGET_RECENT, {"sources": list(by_source), "kept": RECENT_KEPT})
