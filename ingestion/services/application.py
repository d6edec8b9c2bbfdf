"""What messages do, in one transaction: people lock, gate, identity, traits, events, consents, changes.

Invariant: the order of these steps. The gate and who is who are read after the people lock, in later statements.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from django.conf import settings
from django.db import connection

from consent.models import Actor, Method, Purpose, State
from consent.services import ConsentInput, record_many, suppressed
from ingestion import sql
from ingestion.messages import Message, Rejection
from ingestion.models import ConsentCategory
from ingestion.services.events import ChunkEvents, Fresh, Landed
from ingestion.services.gate import Gate
from ingestion.services.inbox import LeasedRow
from ingestion.services.rejected import Refused, reject
from profiles.identity.engine import Rules
from profiles.lib import exact_json
from profiles.lib.change_queue import mark_changed
from profiles.lib.database import database_now
from profiles.lib.people_lock import people_lock
from profiles.models import IdentityRule, Source, TrustLevel
from profiles.services import (
    Judgement,
    Landing,
    RecordKey,
    Sighting,
    Telling,
    forget_messages,
    judge,
    learn,
    load_rules,
    see_profiles,
    take_messages,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RowMessages:
    """One inbox row with what its messages say, and those of them that cannot be taken."""

    row: LeasedRow
    messages: Sequence[Message]
    rejections: Sequence[Rejection]

    def alone(self, message: Message) -> "RowMessages":
        return RowMessages(self.row, [message], [])

    def without_messages(self) -> "RowMessages":
        return RowMessages(self.row, [], self.rejections)

    def rejected(self, message: Message, code: str, detail: str) -> Refused:
        rejection = Rejection(
            message.place, message.message_id, message.type, code, "", detail, message.raw
        )
        return Refused(self.row, rejection)


class Configuration(NamedTuple):
    """What staff have set that the drain goes by."""

    rules: Rules
    blocked: Mapping[str, frozenset[str]]
    source_keys: Mapping[int, str]
    categories: Mapping[tuple[int, str], str]
    purposes: frozenset[str]


class Item(NamedTuple):
    """One message that is new, with the identifiers it may use."""

    row: LeasedRow
    message: Message
    sighting: Sighting


@dataclass(slots=True)
class Chunk:
    """The messages that take effect together, and what became of the others."""

    items: list[Item] = field(default_factory=list)
    cut: list[Fresh] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    unused: dict[str, int] = field(default_factory=dict)
    dropped: dict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))


def load_configuration() -> Configuration:
    """Read what is configured, afresh for each chunk: a rule changed in the admin holds from the next one on."""
    return Configuration(
        load_rules(),
        {
            rule.namespace: frozenset(rule.blocked_values)
            for rule in IdentityRule.objects.exclude(blocked_values=[])
        },
        dict(Source.objects.values_list("pk", "key")),
        {
            (category.source_id, category.category): category.purpose.key
            for category in ConsentCategory.objects.select_related("purpose")
        },
        frozenset(Purpose.objects.values_list("key", flat=True)),
    )


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
    judgement = judge(
        (item.sighting for item in chunk.items),
        rules=configuration.rules,
        source_keys=configuration.source_keys,
        now=now,
    )
    landed = [(item.row, item.message, judgement.landings[item.sighting]) for item in chunk.items]
    _learn_traits(landed, judgement, now)
    events.store(landed, judgement)
    spans = _spans(landed)
    see_profiles(spans)
    _record_consents(landed, configuration)
    mark_changed(judgement.changed_profiles | set(spans))
    for batch in batches:
        chunk.refused += [Refused(batch.row, rejection) for rejection in batch.rejections]
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
        suppressed(f"{ref.namespace}:{ref.value}" for ref in refs),
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
            sighting = Sighting(passed.refs, row.source_id, row.trust, days[row.id])
            chunk.items.append(Item(row, passed, sighting))
            if passed.raw is not message.raw:
                chunk.cut.append((row, passed))
    return chunk


def _learn_traits(landed: Landed, judgement: Judgement, now: datetime) -> None:
    tellings = []
    for row, message, landing in landed:
        if message.traits:
            key = RecordKey(landing.profile_id, landing.identifier_id, row.source_id, row.trust)
            at = round((message.timestamp - EPOCH).total_seconds() * 1_000_000)
            tellings.append(Telling(key, message.traits, at))
    learn(tellings, now=now, beside=judgement.stale_traits)


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


def _record_consents(landed: Landed, configuration: Configuration) -> None:
    inputs: list[ConsentInput] = []
    for row, message, landing in landed:
        if not message.consents and not row.is_opted_out:
            continue
        preferences = dict(message.consents)
        if row.is_opted_out:
            preferences |= dict.fromkeys(settings.GPC_CATEGORIES, False)
        for category, is_given in preferences.items():
            purpose = configuration.categories.get((row.source_id, category), category)
            if purpose in configuration.purposes:
                inputs.append(_consent_input(row, message, landing, purpose, category, is_given))
    if inputs:
        record_many(inputs)


def _consent_input(
    row: LeasedRow,
    message: Message,
    landing: Landing,
    purpose: str,
    category: str,
    is_given: bool,
) -> ConsentInput:
    is_signal = row.is_opted_out and category in settings.GPC_CATEGORIES
    return ConsentInput(
        identifier_id=landing.identifier_id,
        profile_id=landing.profile_id,
        purpose=purpose,
        state=State.GIVEN if is_given else State.REFUSED if is_signal else State.WITHDRAWN,
        occurred_at=message.timestamp,
        received_at=row.received_at,
        actor=Actor.SUBJECT,
        method=Method.GPC if is_signal else Method.CHECKBOX,
        trust=TrustLevel(row.trust),
        source_id=row.source_id,
        evidence={"category": category, "context": exact_json.loads(message.context)},
        idempotency_key=f"{message.digest}:{category}",
    )


def _count_dropped(dropped: Mapping[tuple[int, str], int], now: datetime) -> None:
    """How many messages the gate held back, by source and day: all that is kept of them."""
    if not dropped:
        return
    with connection.cursor() as cursor:
        for (source_id, reason), count in sorted(dropped.items()):
            cursor.execute(
                sql.COUNT_DROPPED, [source_id, now.astimezone(UTC).date(), reason, count]
            )
