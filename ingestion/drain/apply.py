"""What messages do, in one transaction: people lock, gate, identity, traits, events, consents, changes.

Invariant: the order of these steps. The gate and who is who are read after the people lock, in later statements.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from django.db import connection

from consent.services import find_suppressed
from ingestion.drain import sql
from ingestion.drain.chunk import Chunk, Configuration, Item, RowMessages
from ingestion.drain.consents import record_consents
from ingestion.drain.events import ChunkEvents, Fresh, Landed
from ingestion.drain.identifier_filter import Gate
from ingestion.inbox.lease import LeasedRow
from ingestion.inbox.rejected import RejectedInRow, reject
from ingestion.messages import Message
from profiles.lib.change_queue import mark_changed
from profiles.lib.database import database_now
from profiles.lib.people_lock import people_lock
from profiles.services import (
    Observation,
    RecordKey,
    Resolution,
    TraitStatement,
    forget_messages,
    record_traits,
    resolve_observations,
    take_messages,
    widen_seen_spans,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def apply_messages(
    batches: Sequence[RowMessages], fresh: Sequence[Fresh], configuration: Configuration
) -> None:
    """Let the fresh messages take effect, and keep those that cannot be taken. In the caller's transaction."""
    events = ChunkEvents()
    events.draft(fresh)
    events.store_ahead(fresh, configuration.rules)
    people_lock()
    now = database_now()
    chunk = _pass_gate(fresh, configuration)
    events.draft(chunk.cut)
    # What is refused here may be replayed after mending, and is no repeat then.
    forget_messages(chunk.unused)
    judgement = resolve_observations(
        (item.sighting for item in chunk.items),
        rules=configuration.rules,
        source_keys=configuration.source_keys,
        now=now,
    )
    landed = [
        (item.row, item.message, judgement.attributions[item.sighting]) for item in chunk.items
    ]
    _learn_traits(landed, judgement, now)
    events.store(landed, judgement)
    spans = _spans(landed)
    widen_seen_spans(spans)
    record_consents(landed, configuration)
    mark_changed(judgement.changed_profiles | set(spans))
    for batch in batches:
        chunk.refused += [RejectedInRow(batch.row, rejection) for rejection in batch.rejections]
    reject(chunk.refused)
    _count_dropped(chunk.dropped, now)


def take_fresh(batches: Sequence[RowMessages]) -> list[Fresh]:
    """Take the messages that no other request has taken, each once."""
    by_digest: dict[str, tuple[LeasedRow, Message]] = {}
    for batch in batches:
        for message in batch.messages:
            by_digest.setdefault(message.digest, (batch.row, message))
    if not by_digest:
        return []
    day = batches[0].row.received_at.astimezone(UTC).date()
    takers = {digest: row.id for digest, (row, _) in by_digest.items()}
    taken = take_messages(takers, day=day)
    return [arrived for digest, arrived in by_digest.items() if digest in taken]


def _pass_gate(fresh: Sequence[Fresh], configuration: Configuration) -> Chunk:
    """Leave out identifiers that are blocked or suppressed, and messages that have none left."""
    refs = {ref for _, message in fresh for ref in message.refs}
    gate = Gate(
        configuration.rules,
        configuration.blocked,
        find_suppressed(f"{ref.namespace}:{ref.value}" for ref in refs),
    )
    chunk = Chunk()
    days = {row.id: row.received_at.astimezone(UTC).date() for row, _ in fresh}
    for row, message in fresh:
        passed = gate.passes(message)
        if passed is None:
            chunk.dropped[row.source_id, "suppressed"] += 1
        elif not passed.refs:
            detail = "every identifier is a value that stands for nobody"
            alone = RowMessages(row, [], [])
            chunk.refused.append(alone.rejected(message, "no_identifier", detail))
            chunk.unused[message.digest] = row.id
        else:
            sighting = Observation(passed.refs, row.source_id, row.trust, days[row.id])
            chunk.items.append(Item(row, passed, sighting))
            if passed.raw is not message.raw:
                chunk.cut.append((row, passed))
    return chunk


def _learn_traits(landed: Landed, judgement: Resolution, now: datetime) -> None:
    tellings = []
    for row, message, landing in landed:
        if message.traits:
            key = RecordKey(landing.profile_id, landing.identifier_id, row.source_id, row.trust)
            at = round((message.timestamp - EPOCH).total_seconds() * 1_000_000)
            tellings.append(TraitStatement(key, message.traits, at))
    record_traits(tellings, now=now, stale_profiles=judgement.stale_traits)


def _spans(landed: Landed) -> dict[int, tuple[datetime, datetime]]:
    """When each profile was first and last seen, by all its messages."""
    spans: dict[int, tuple[datetime, datetime]] = {}
    for _, message, landing in landed:
        timestamp = message.timestamp
        span = spans.get(landing.profile_id)
        if span is None:
            spans[landing.profile_id] = (timestamp, timestamp)
        elif not span[0] <= timestamp <= span[1]:
            spans[landing.profile_id] = (min(span[0], timestamp), max(span[1], timestamp))
    return spans


def _count_dropped(dropped: Mapping[tuple[int, str], int], now: datetime) -> None:
    """How many messages the gate held back, by source and day: all that is kept of them."""
    if not dropped:
        return
    with connection.cursor() as cursor:
        for (source_id, reason), count in sorted(dropped.items()):
            cursor.execute(
                sql.COUNT_DROPPED, [source_id, now.astimezone(UTC).date(), reason, count]
            )
