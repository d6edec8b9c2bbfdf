"""What a service or the customer himself says of one purpose, on its way into the ledger.

Invariant: gate and identity are read under the people lock, so nobody erased comes back by a consent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from consent.ledger.record import ConsentInput, record
from consent.models import Actor, ConsentEvent, ConsentKind, Method, State
from consent.suppression.rows import is_suppressed
from profiles.identifiers.lookup import parse_reference
from profiles.lib.database import database_now
from profiles.lib.people_lock import people_lock
from profiles.models import Identifier, Source, TrustLevel
from profiles.services import identify

API_SOURCE = "api"
_SPOKEN = {Method.API: Actor.SERVICE, Method.IMPORT: Actor.IMPORT}


class UnknownProfile(LookupError):
    """No profile has this public id."""


class Suppressed(Exception):
    """The person was erased; only a double opt-in or staff with proof may bring him back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentStatement:
    """What was said, as a service tells it. Who spoke follows from the method, unless it is given."""

    reference: str
    purpose: str | None
    state: str
    method: str
    kind: str = ConsentKind.CONSENT
    actor: str | None = None
    occurred_at: datetime | None = None
    valid_until: datetime | None = None
    notice_id: UUID | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class _Speaker:
    """Who said it, how far that is believed, and by which way it came."""

    actor: Actor
    trust: TrustLevel
    recorded_by: str
    source_id: int | None = None


class _Holder(NamedTuple):
    identifier_id: int
    profile_id: int


@transaction.atomic
def record_statement(statement: ConsentStatement, *, recorded_by: str) -> ConsentEvent:
    """Record what a service says, for the person who has the identifier; unknown, he is made known.

    Raises InvalidIdentifier, UnknownProfile, UnknownPurpose, Suppressed.
    """
    people_lock()
    now = database_now()
    source = Source.objects.get_or_create(key=API_SOURCE, defaults={"name": "API"})[0]
    holder = _held(statement.reference) or _made_known(statement.reference, source, now)
    actor = statement.actor or _SPOKEN.get(Method(statement.method), Actor.SUBJECT)
    speaker = _Speaker(Actor(actor), TrustLevel.SERVER, recorded_by, source.pk)
    return record(_input(statement, holder, speaker, now))


@transaction.atomic
def record_own_statement(statement: ConsentStatement) -> ConsentEvent:
    """Record what the customer says who proved the identifier. Raises UnknownProfile, UnknownPurpose."""
    people_lock()
    holder = _held(statement.reference)
    if holder is None:
        raise UnknownProfile("Nobody has this identifier any more.")
    speaker = _Speaker(Actor.SUBJECT, TrustLevel.VERIFIED, "the customer, by a mailed link")
    return record(_input(statement, holder, speaker, database_now()))


def _input(
    statement: ConsentStatement, holder: _Holder, speaker: _Speaker, now: datetime
) -> ConsentInput:
    return ConsentInput(
        identifier_id=holder.identifier_id,
        profile_id=holder.profile_id,
        purpose=statement.purpose,
        kind=ConsentKind(statement.kind),
        state=State(statement.state),
        occurred_at=statement.occurred_at or now,
        received_at=now,
        actor=speaker.actor,
        method=Method(statement.method),
        trust=speaker.trust,
        source_id=speaker.source_id,
        notice_id=statement.notice_id,
        valid_until=statement.valid_until,
        evidence=statement.evidence,
        idempotency_key=statement.idempotency_key,
        recorded_by=speaker.recorded_by,
    )


def _held(reference: str) -> _Holder | None:
    ref = parse_reference(reference)
    found = Identifier.objects.filter(
        namespace=ref.namespace, value=ref.value, profile__isnull=False
    ).values_list("pk", "profile_id")
    return _Holder(*found[0]) if found else None


def _made_known(reference: str, source: Source, now: datetime) -> _Holder:
    """A profile for an identifier that nobody has, unless that person was erased."""
    ref = parse_reference(reference)
    if ref.namespace == "profile":
        raise UnknownProfile("No profile has this id.")
    if is_suppressed(reference):
        raise Suppressed(Suppressed.__doc__)
    profile_id = identify([reference], source=source, trust=TrustLevel.SERVER, now=now)
    identifier = Identifier.objects.get(namespace=ref.namespace, value=ref.value)
    return _Holder(identifier.pk, profile_id)
