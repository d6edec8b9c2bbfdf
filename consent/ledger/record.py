"""Writing down what was said: every consent event enters the ledger here, and the states follow in the same transaction.

Invariant: an event is written once however often it is sent, and its digest is of exactly what was written.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from uuid_utils.compat import uuid7

from consent.ledger import sql
from consent.ledger.fold import PERMITTING, stored_state
from consent.ledger.states import rebuild_states
from consent.lib.digests import as_plain_json, event_digest, keyed_digest
from consent.lib.durations import add_duration
from consent.models import (
    Actor,
    ConsentBody,
    ConsentEvent,
    ConsentKind,
    Method,
    Purpose,
    PurposeVersion,
    State,
)
from profiles.models import TrustLevel

DIGESTED_FIELDS = (
    *("id", "identifier_id", "kind", "purpose_id", "purpose_version_id", "notice_id", "state"),
    *("occurred_at", "received_at", "valid_until", "actor", "method", "trust", "source_id"),
    *("recorded_by", "idempotency_key", "seq"),
)


class UnknownPurpose(LookupError):
    """No purpose has this key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentInput:
    """One thing that was said. `purpose` is a key; None is all direct marketing, for objections only.

    `valid_until` defaults to the validity of the purpose's text, counted from when the consent took effect.
    """

    identifier_id: int
    profile_id: int
    purpose: str | None
    state: State
    occurred_at: datetime
    received_at: datetime
    actor: Actor
    method: Method
    trust: TrustLevel
    kind: ConsentKind = ConsentKind.CONSENT
    source_id: int | None = None
    notice_id: UUID | None = None
    valid_until: datetime | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    idempotency_key: str | None = None
    recorded_by: str = ""

    @property
    def effective_at(self) -> datetime:
        return min(self.occurred_at, self.received_at)


def record(said: ConsentInput) -> ConsentEvent:
    """Write one event down, under the people lock; sent again, the event that is there. Raises UnknownPurpose."""
    return ConsentEvent.objects.get(pk=record_many([said])[0])


def record_many(said: Sequence[ConsentInput]) -> list[UUID]:
    """Write events down, under the people lock, in a handful of queries; return the event of each, in order.

    An event whose idempotency key is known is not written again. Raises UnknownPurpose before anything is written.
    """
    if not said:
        return []
    texts = _Texts(said)
    events, bodies = [], []
    for one, seq in zip(said, _numbers(len(said)), strict=True):
        event, body = _written(one, texts, seq)
        events.append(event)
        bodies.append(body)
    ConsentEvent.objects.bulk_create(events, ignore_conflicts=True)
    stored = _stored_ids(events)
    fresh = {event.pk for event in events if stored[event.pk] == event.pk}
    ConsentBody.objects.bulk_create([body for body in bodies if body.event_id in fresh])
    rebuild_states(
        one.profile_id for one, event in zip(said, events, strict=True) if event.pk in fresh
    )
    return [stored[event.pk] for event in events]


def keyed_idempotency(key: str) -> str:
    """What is kept of an idempotency key: enough to know it again, nothing to read."""
    return keyed_digest(settings.DEDUPLICATION_KEY, "idempotency", key).hex()


def digested_row(event: ConsentEvent) -> dict[str, Any]:
    """The columns of an event that its digest covers."""
    return {name: getattr(event, name) for name in DIGESTED_FIELDS}


class _Texts:
    """The versions of the purposes that a batch speaks of."""

    def __init__(self, said: Iterable[ConsentInput]) -> None:
        keys = {one.purpose for one in said if one.purpose is not None}
        self.ids = dict(Purpose.objects.filter(key__in=keys).values_list("key", "pk"))
        if unknown := sorted(keys - self.ids.keys()):
            raise UnknownPurpose(f"No purpose has the key {unknown[0]}.")
        self.versions: dict[int, list[PurposeVersion]] = {pk: [] for pk in self.ids.values()}
        for version in PurposeVersion.objects.filter(purpose__in=self.versions).order_by("number"):
            self.versions[version.purpose_id].append(version)

    def in_force(self, purpose: str | None, at: datetime) -> PurposeVersion | None:
        """The text that stood when something was said; for what is older than all texts, the first."""
        if purpose is None:
            return None
        versions = self.versions[self.ids[purpose]]
        standing = [version for version in versions if version.created_at <= at]
        return standing[-1] if standing else versions[0]


def _numbers(count: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql.EVENT_NUMBERS, [count])
        return [number for (number,) in cursor.fetchall()]


def _written(one: ConsentInput, texts: _Texts, seq: int) -> tuple[ConsentEvent, ConsentBody]:
    version = texts.in_force(one.purpose, one.effective_at)
    event = ConsentEvent(
        id=uuid7(),
        identifier_id=one.identifier_id,
        kind=one.kind,
        purpose_id=version and version.purpose_id,
        purpose_version_id=version and version.pk,
        notice_id=one.notice_id,
        state=_state(one),
        occurred_at=one.occurred_at,
        received_at=one.received_at,
        valid_until=_valid_until(one, version),
        actor=one.actor,
        method=one.method,
        trust=one.trust,
        source_id=one.source_id,
        recorded_by=one.recorded_by,
        idempotency_key=one.idempotency_key and keyed_idempotency(one.idempotency_key),
        seq=seq,
    )
    salt, evidence = secrets.token_hex(32), as_plain_json(one.evidence)
    event.digest = event_digest(salt, digested_row(event), evidence)
    return event, ConsentBody(event_id=event.pk, salt=salt, evidence=evidence)


def _state(one: ConsentInput) -> str:
    if one.kind == ConsentKind.OBJECTION:
        return one.state
    return stored_state(one.state, actor=one.actor, has_evidence=bool(one.evidence))


def _valid_until(one: ConsentInput, version: PurposeVersion | None) -> datetime | None:
    is_grant = one.kind == ConsentKind.CONSENT and one.state in PERMITTING
    if one.valid_until is not None or version is None or not version.validity or not is_grant:
        return one.valid_until
    return add_duration(one.effective_at, version.validity)


def _stored_ids(events: Sequence[ConsentEvent]) -> dict[UUID, UUID]:
    """For each event, the one in the ledger: itself, or the earlier one with the same idempotency key."""
    keys = {event.idempotency_key for event in events if event.idempotency_key}
    known = dict(
        ConsentEvent.objects.filter(idempotency_key__in=keys).values_list("idempotency_key", "pk")
    )
    return {event.pk: known.get(event.idempotency_key, event.pk) for event in events}
