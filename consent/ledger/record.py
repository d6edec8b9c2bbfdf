"""Writing the ledger: every consent event is written here, and the consent states follow at once.

Invariant: an event is written once, however often it is sent.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from consent.journal.entries import Act, Note, note
from consent.ledger import sql
from consent.ledger.events import NewEvent, PurposeVersions, build_event
from consent.ledger.fold import widens
from consent.ledger.inputs import ConsentInput
from consent.ledger.states import rebuild_states
from consent.models import ConsentEvent, ConsentKind, Method, State
from consent.suppression.keys import suppression_keys
from consent.suppression.rows import newest_digest
from profiles.identifiers.normalisers import NORMALISER_VERSION
from profiles.lib import exact_json
from profiles.models import Identifier


class SignalPermits(ValueError):
    """Global Privacy Control is a signal that refuses; it cannot permit."""


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
    versions = PurposeVersions(entries)
    born = versions.births_that_matter(entries)
    numbers = _next_event_numbers(len(entries))
    events = [
        build_event(entry, versions, born.get(entry.profile_id), seq)
        for entry, seq in zip(entries, numbers, strict=True)
    ]
    new_ids = _insert([event.columns for event in events])
    _insert_bodies([event.body for event in events if event.pk in new_ids])
    written = [event for event in events if event.pk in new_ids]
    _note(written)
    rebuild_states({*also, *(event.entry.profile_id for event in written)})
    known = _ids_by_key([event for event in events if event.pk not in new_ids])
    return [known.get(event.columns["idempotency_key"] or "", event.pk) for event in events]


def _note(written: Sequence[NewEvent]) -> None:
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


def _narrows(event: NewEvent) -> bool:
    kind, state = event.entry.kind, event.columns["state"]
    if kind == ConsentKind.OBJECTION:
        return not widens(kind, state)
    return state in (State.REFUSED, State.WITHDRAWN, State.INVALIDATED)


def _next_event_numbers(count: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql.NEXT_EVENT_NUMBERS, [count])
        return [number for (number,) in cursor.fetchall()]


def _refuses(entry: ConsentInput) -> bool:
    if entry.kind == ConsentKind.OBJECTION:
        return entry.state == State.GIVEN
    return entry.state in (State.REFUSED, State.WITHDRAWN)


def _insert(rows: Sequence[Mapping[str, Any]]) -> set[UUID]:
    """Insert events, and return the ids of those whose idempotency key was not there yet."""
    with connection.cursor() as cursor:
        cursor.execute(sql.INSERT_EVENTS, [exact_json.dumps(rows)])
        return {pk for (pk,) in cursor.fetchall()}


def _insert_bodies(rows: Sequence[Mapping[str, Any]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.INSERT_BODIES, [exact_json.dumps(rows)])


def _ids_by_key(repeated: Sequence[NewEvent]) -> dict[str, UUID]:
    """Return the ids of the events in the ledger that have the keys of events that repeat them."""
    keys = {event.columns["idempotency_key"] for event in repeated} - {None}
    rows = ConsentEvent.objects.filter(idempotency_key__in=keys)
    return {row.idempotency_key or "": row.pk for row in rows} if keys else {}
