"""Writing the ledger: every consent event is written here, and the consent states follow at once.

Invariant: an event is written once, however often it is sent, and its digest covers exactly what
was written.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection
from uuid_utils.compat import uuid7

from consent.journal.entries import Act, Note, note
from consent.ledger import sql
from consent.ledger.fold import earliest_end, widens
from consent.ledger.minors import birth_dates, is_too_young
from consent.ledger.states import rebuild_states
from consent.lib.digests import as_plain_json, event_digest, keyed_digest
from consent.models import (
    ConsentEvent,
    ConsentKind,
    DecidedBy,
    Method,
    Purpose,
    PurposeVersion,
    State,
)
from consent.suppression.keys import suppression_keys
from consent.suppression.rows import newest_digest
from profiles.identifiers.normalisers import NORMALISER_VERSION
from profiles.lib import exact_json
from profiles.models import Identifier, TrustLevel

# Every column except the digest itself. One that is added must be left out where it is NULL, or the
# digests already written would be invalid.
DIGESTED_FIELDS = (
    "id",
    "identifier_id",
    "kind",
    "purpose_id",
    "purpose_version_id",
    "notice_id",
    "state",
    "occurred_at",
    "received_at",
    "valid_until",
    "actor",
    "method",
    "trust",
    "source_id",
    "recorded_by",
    "idempotency_key",
    "seq",
)
REACHED = "reached_identifier_ids"

# What shows that an imported grant was really given: where it was found, and to which words.
IMPORT_EVIDENCE = ("file", "row", "text")


class UnknownPurpose(LookupError):
    """No purpose has this key."""


class SignalPermits(ValueError):
    """Global Privacy Control is a signal that refuses; it cannot permit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentInput:
    """A consent or objection to be written to the ledger.

    `purpose` is a key, or None for an objection to direct marketing as a whole. `valid_until` is
    cut to the validity of the purpose's version, counted from when the consent took effect.
    Without `occurred_at` it was when it was received. `reached` are the identifiers that its giver
    proved, where they are a part of the profile.
    """

    identifier_id: int
    profile_id: int
    purpose: str | None
    state: State
    occurred_at: datetime | None
    received_at: datetime
    actor: DecidedBy
    method: Method
    trust: TrustLevel
    kind: ConsentKind = ConsentKind.CONSENT
    source_id: int | None = None
    notice_id: UUID | None = None
    valid_until: datetime | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    idempotency_key: str | None = None
    recorded_by: str = ""
    reached: Sequence[int] | None = None

    @property
    def dated_at(self) -> datetime | None:
        """When it was stated; None where nobody said so, or an import says what cannot be."""
        at = self.occurred_at
        if at is None or at.tzinfo is None or (self.is_import and at > self.received_at):
            return None
        return at

    @property
    def effective_at(self) -> datetime:
        """The earlier of both times, as in the fold."""
        return min(self.dated_at or self.received_at, self.received_at)

    @property
    def is_import(self) -> bool:
        return self.method == Method.IMPORT or self.actor == DecidedBy.IMPORT

    @property
    def widens(self) -> bool:
        return widens(self.kind, self.state)

    @property
    def ledger_key(self) -> str | None:
        """What the ledger takes once: a browser's signal once for each identifier and purpose."""
        if self.method == Method.GPC:
            return f"gpc:{self.identifier_id}:{self.kind}:{self.purpose}"
        return self.idempotency_key


class _NewEvent(NamedTuple):
    """An event to be written: columns by name, and those of its body, which erasure deletes.

    A model instance would take longer to make than to write: files have thousands a chunk.
    """

    entry: ConsentInput
    columns: dict[str, Any]
    body: dict[str, Any]

    @property
    def pk(self) -> UUID:
        pk: UUID = self.columns["id"]
        return pk


def record(entry: ConsentInput) -> ConsentEvent:
    """Write one event to the ledger and return it.

    The caller holds the people lock. If the idempotency key is known, the event that is already
    there is returned. Raises UnknownPurpose and SignalPermits.
    """
    return ConsentEvent.objects.get(pk=record_many([entry])[0])


def record_many(entries: Sequence[ConsentInput], *, also: Iterable[int] = ()) -> list[UUID]:
    """Write events to the ledger and return the id of each, in the same order.

    The caller holds the people lock. The number of queries does not depend on the number of
    events. For a known idempotency key the id is that of the event already there. `also` are other
    profiles whose states may have changed; they are folded with those of the events. Raises
    UnknownPurpose and SignalPermits before anything is written.
    """
    if not entries:
        rebuild_states(also)
        return []
    if any(entry.method == Method.GPC and not _refuses(entry) for entry in entries):
        raise SignalPermits("Global Privacy Control only refuses.")
    versions = _PurposeVersions(entries)
    born = versions.births_that_matter(entries)
    numbers = _next_event_numbers(len(entries))
    events = [
        _build_event(entry, versions, born.get(entry.profile_id), seq)
        for entry, seq in zip(entries, numbers, strict=True)
    ]
    new_ids = _insert([event.columns for event in events])
    _insert_bodies([event.body for event in events if event.pk in new_ids])
    written = [event for event in events if event.pk in new_ids]
    _note(written)
    rebuild_states({*also, *(event.entry.profile_id for event in written)})
    known = _ids_by_key([event for event in events if event.pk not in new_ids])
    return [known.get(event.columns["idempotency_key"] or "", event.pk) for event in events]


def _note(written: Sequence[_NewEvent]) -> None:
    """Note for the journal what permits less, by the digest of its identifier."""
    narrowing = [event for event in written if _narrows(event)]
    if not narrowing or not settings.PRIVACY_JOURNAL:
        return
    keys = suppression_keys()
    ids = {event.entry.identifier_id for event in narrowing}
    names = {row.pk: str(row) for row in Identifier.objects.filter(pk__in=ids)}
    notes = [
        Note(
            Act.CONSENT,
            [newest_digest(keys, names[event.entry.identifier_id])],
            event.entry.effective_at,
            {
                "purpose": event.entry.purpose,
                "state": event.columns["state"],
                "kind": event.entry.kind,
                "actor": event.entry.actor,
                "method": event.entry.method,
                "trust": int(event.entry.trust),
            },
        )
        for event in narrowing
    ]
    note(notes, key_id=keys[-1].id, version=NORMALISER_VERSION)


def _narrows(event: _NewEvent) -> bool:
    kind, state = event.entry.kind, event.columns["state"]
    if kind == ConsentKind.OBJECTION:
        return not widens(kind, state)
    return state in (State.REFUSED, State.WITHDRAWN, State.INVALIDATED)


def keyed_idempotency(key: str) -> str:
    """Return the keyed hash of an idempotency key, which callers may have built from names."""
    return keyed_digest(settings.DEDUPLICATION_KEY, "idempotency", key).hex()


def digested_columns(event: ConsentEvent) -> dict[str, Any]:
    """Return the columns of an event that its digest covers."""
    return _digested({name: getattr(event, name) for name in (*DIGESTED_FIELDS, REACHED)})


def _digested(columns: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in columns.items() if name != REACHED or value is not None}


class _PurposeVersions:
    """All versions of the purposes in a batch of entries, read in two queries."""

    def __init__(self, entries: Iterable[ConsentInput]) -> None:
        keys = {entry.purpose for entry in entries if entry.purpose is not None}
        self.ids = dict(Purpose.objects.filter(key__in=keys).values_list("key", "pk"))
        if unknown := sorted(keys - self.ids.keys()):
            raise UnknownPurpose(f"No purpose has the key {unknown[0]}.")
        self.versions: dict[int, list[PurposeVersion]] = {pk: [] for pk in self.ids.values()}
        for version in PurposeVersion.objects.filter(purpose__in=self.versions).order_by("number"):
            self.versions[version.purpose_id].append(version)

    def in_force(self, purpose: str | None, at: datetime) -> PurposeVersion | None:
        """Return the version in force at a time; for a time before all versions, the first."""
        if purpose is None:
            return None
        versions = self.versions[self.ids[purpose]]
        started = [version for version in versions if version.created_at <= at]
        return started[-1] if started else versions[0]

    def births_that_matter(self, entries: Sequence[ConsentInput]) -> dict[int, date]:
        """Return the dates of birth of whose own grant is for a purpose with a minimum age."""
        profile_ids = {
            entry.profile_id
            for entry in entries
            if entry.widens
            and entry.actor != DecidedBy.GUARDIAN
            and (version := self.in_force(entry.purpose, entry.effective_at)) is not None
            and version.minimum_age is not None
        }
        return birth_dates(profile_ids) if profile_ids else {}


def _next_event_numbers(count: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql.NEXT_EVENT_NUMBERS, [count])
        return [number for (number,) in cursor.fetchall()]


def _build_event(
    entry: ConsentInput, versions: _PurposeVersions, born: date | None, seq: int
) -> _NewEvent:
    version = versions.in_force(entry.purpose, entry.effective_at)
    columns = {
        "id": uuid7(),
        "identifier_id": entry.identifier_id,
        "kind": entry.kind,
        "purpose_id": version.purpose_id if version else None,
        "purpose_version_id": version.pk if version else None,
        "notice_id": entry.notice_id,
        "state": _state(entry, version, born),
        "occurred_at": entry.dated_at or entry.received_at,
        "received_at": entry.received_at,
        "valid_until": _valid_until(entry, version),
        "actor": entry.actor,
        "method": entry.method,
        "trust": entry.trust,
        "source_id": entry.source_id,
        "recorded_by": entry.recorded_by,
        "idempotency_key": entry.ledger_key and keyed_idempotency(entry.ledger_key),
        "seq": seq,
        REACHED: None if entry.reached is None else sorted(entry.reached),
    }
    # The digest must be of what the database returns, and JSON columns return no Decimal.
    salt, evidence = secrets.token_hex(32), as_plain_json(entry.evidence)
    columns["digest"] = event_digest(salt, _digested(columns), evidence)
    body = {"event_id": columns["id"], "salt": salt, "evidence": evidence}
    return _NewEvent(entry, columns, body)


def _refuses(entry: ConsentInput) -> bool:
    if entry.kind == ConsentKind.OBJECTION:
        return entry.state == State.GIVEN
    return entry.state in (State.REFUSED, State.WITHDRAWN)


def _state(entry: ConsentInput, version: PurposeVersion | None, born: date | None) -> str:
    """Return the state to write: a grant without proof, or by a child alone, is `unknown`.

    A refusal needs neither, since doubt about it must not lead to more processing.
    """
    if not entry.widens:
        return entry.state
    is_unproven = entry.is_import and not _is_proven(entry)
    is_alone = entry.actor != DecidedBy.GUARDIAN
    minimum_age = version.minimum_age if version and is_alone else None
    is_child = is_too_young(born, minimum_age, entry.effective_at)
    return State.UNKNOWN if is_unproven or is_child else entry.state


def _is_proven(entry: ConsentInput) -> bool:
    evidence = (entry.evidence.get(name) for name in IMPORT_EVIDENCE)
    return entry.dated_at is not None and all(map(_is_stated, evidence))


def _is_stated(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value.strip())
    return isinstance(value, int) and not isinstance(value, bool)


def _valid_until(entry: ConsentInput, version: PurposeVersion | None) -> datetime | None:
    is_grant = entry.kind == ConsentKind.CONSENT and entry.widens
    if version is None or not is_grant:
        return entry.valid_until
    validity = version.validity or settings.CONSENT_VALIDITY
    return earliest_end(entry.valid_until, entry.effective_at, validity)


def _insert(rows: Sequence[Mapping[str, Any]]) -> set[UUID]:
    """Insert events, and return the ids of those whose idempotency key was not there yet."""
    with connection.cursor() as cursor:
        cursor.execute(sql.INSERT_EVENTS, [exact_json.dumps(rows)])
        return {pk for (pk,) in cursor.fetchall()}


def _insert_bodies(rows: Sequence[Mapping[str, Any]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.INSERT_BODIES, [exact_json.dumps(rows)])


def _ids_by_key(repeated: Sequence[_NewEvent]) -> dict[str, UUID]:
    """Return the ids of the events in the ledger that have the keys of events that repeat them."""
    keys = {event.columns["idempotency_key"] for event in repeated} - {None}
    rows = ConsentEvent.objects.filter(idempotency_key__in=keys)
    return {row.idempotency_key or "": row.pk for row in rows} if keys else {}
