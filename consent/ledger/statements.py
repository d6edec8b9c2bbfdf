"""Recording what a service or a customer states about one purpose.

Invariant: suppression and identity are read under the people lock, so that no erased person comes
back by a consent.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.utils.timezone import is_naive

from consent.ledger.inputs import ConsentInput
from consent.ledger.record import record
from consent.ledger.states import naming_identifiers
from consent.models import ConsentEvent, ConsentKind, DecidedBy, Method, State
from consent.suppression.rows import FOREVER, clean, is_suppressed, suppressions_of
from profiles.identifiers.lookup import parse_reference
from profiles.identifiers.references import reference_of
from profiles.lib.database import database_now
from profiles.lib.people_lock import people_lock
from profiles.models import Identifier, Source, TrustLevel
from profiles.services import Actor, identify

API_SOURCE = "api"
# Any other method is an act of the customer.
_DECIDER_BY_METHOD = {Method.API: DecidedBy.SERVICE, Method.IMPORT: DecidedBy.IMPORT}


class UnknownProfile(LookupError):
    """No profile has this public id."""


class KeyReused(Exception):
    """The idempotency key was used for another statement."""


class Suppressed(Exception):
    """The identifier is that of an erased person."""


class BeforeReturn(Exception):
    """The person was erased after this was stated, and came back: what was before stays out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentStatement:
    """A consent or objection as the caller states it.

    `reference` is a `namespace:value`. `purpose` is a key, or None for an objection to direct
    marketing as a whole. `actor` follows from the method where it is not given.
    """

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
class _Provenance:
    """Who made a statement, how far it is trusted, and how it reached us."""

    decided_by: DecidedBy
    trust: TrustLevel
    recorded_by: str
    source_id: int | None = None


class AttributedIdentifier(NamedTuple):
    """An identifier, and the profile that has it."""

    identifier_id: int
    profile_id: int


@transaction.atomic
def record_statement(statement: ConsentStatement, *, actor: Actor) -> ConsentEvent:
    """Record what a service states about the person with this identifier.

    Creates a profile if no profile has the identifier. Raises InvalidIdentifier, UnknownProfile,
    UnknownPurpose, SignalPermits, KeyReused, Suppressed and BeforeReturn.
    """
    people_lock()
    _refuse_before_return(statement)
    now = database_now()
    source = Source.objects.get_or_create(key=API_SOURCE, defaults={"name": "API"})[0]
    identifier = find_identifier(statement.reference) or _create_profile(
        statement.reference, source, now
    )
    decider = statement.actor or _DECIDER_BY_METHOD.get(Method(statement.method), DecidedBy.SUBJECT)
    provenance = _Provenance(DecidedBy(decider), TrustLevel.SERVER, str(actor), source.pk)
    entry = _build_input(statement, identifier, provenance, now)
    return _refuse_other_statement(entry, record(entry))


@transaction.atomic
def record_own_statement(
    statement: ConsentStatement, *, reached: Collection[int], actor: Actor
) -> ConsentEvent:
    """Record the statement of a customer who proved that the identifier is theirs.

    `reached` are all identifiers that they proved. Where something else names the profile too, a
    grant binds only as long as that is so. Raises UnknownProfile and UnknownPurpose.
    """
    people_lock()
    identifier = find_identifier(statement.reference)
    # Never creates a profile: the person may have been erased since the link was mailed.
    if identifier is None:
        raise UnknownProfile("Nobody has this identifier any more.")
    provenance = _Provenance(DecidedBy.SUBJECT, TrustLevel.VERIFIED, str(actor))
    entry = _build_input(statement, identifier, provenance, database_now())
    naming = {pk for pk, _ in naming_identifiers([identifier.profile_id])}
    if entry.widens and not naming <= set(reached):
        entry = replace(entry, reached=sorted(reached))
    return record(entry)


def _build_input(
    statement: ConsentStatement,
    identifier: AttributedIdentifier,
    provenance: _Provenance,
    now: datetime,
) -> ConsentInput:
    return ConsentInput(
        identifier_id=identifier.identifier_id,
        profile_id=identifier.profile_id,
        purpose=statement.purpose,
        kind=ConsentKind(statement.kind),
        state=State(statement.state),
        occurred_at=_zoned(statement),
        received_at=now,
        actor=provenance.decided_by,
        method=Method(statement.method),
        trust=provenance.trust,
        source_id=provenance.source_id,
        notice_id=statement.notice_id,
        valid_until=statement.valid_until,
        evidence=clean(statement.evidence),
        idempotency_key=statement.idempotency_key,
        recorded_by=provenance.recorded_by,
    )


def _zoned(statement: ConsentStatement) -> datetime | None:
    """Return the stated time: in UTC where it has no zone, but for imports, which prove."""
    at = statement.occurred_at
    is_import = Method.IMPORT in (statement.method, statement.actor)
    return at.replace(tzinfo=UTC) if at is not None and is_naive(at) and not is_import else at


def _refuse_other_statement(entry: ConsentInput, event: ConsentEvent) -> ConsentEvent:
    """Return the event, unless an earlier, other one has the key. Raises KeyReused.

    Answers are kept for some days only; after that the ledger itself still knows the key.
    """
    if entry.ledger_key is None or entry.method == Method.GPC:
        return event
    stated = (entry.identifier_id, entry.kind, entry.purpose, entry.method)
    purpose = event.purpose.key if event.purpose else None
    stored = (event.identifier_id, event.kind, purpose, event.method)
    # A grant that proved nothing was written as unknown.
    is_same_state = event.state in (entry.state, State.UNKNOWN)
    if stated != stored or not is_same_state:
        raise KeyReused("The idempotency key was used for another statement.")
    return event


def _refuse_before_return(statement: ConsentStatement) -> None:
    """Raise BeforeReturn for what is dated before its person, once erased, came back."""
    stated_at = _zoned(statement)
    if stated_at is None or stated_at.tzinfo is None:
        return
    reference = reference_of(parse_reference(statement.reference))
    kept = suppressions_of([reference]).get(reference)
    if kept is not None and stated_at < kept.until != FOREVER:
        raise BeforeReturn("The person was erased since then, and has come back.")


def find_identifier(reference: str) -> AttributedIdentifier | None:
    """Return the identifier if somebody has it, in one query. Raises InvalidIdentifier."""
    ref = parse_reference(reference)
    rows = Identifier.objects.filter(
        namespace=ref.namespace, value=ref.value, profile__isnull=False
    ).values_list("pk", "profile_id")
    return AttributedIdentifier(*rows[0]) if rows else None


def _create_profile(reference: str, source: Source, now: datetime) -> AttributedIdentifier:
    """Create a profile for an identifier that no profile has, unless it is suppressed."""
    ref = parse_reference(reference)
    # A public id is given out by us alone, so an unknown one is an error of the caller.
    if ref.namespace == "profile":
        raise UnknownProfile("No profile has this id.")
    if is_suppressed(reference):
        raise Suppressed(
            "The person was erased; only a double opt-in or staff with proof may bring them back."
        )
    profile_id = identify([reference], source=source, trust=TrustLevel.SERVER, now=now)
    identifier = Identifier.objects.get(namespace=ref.namespace, value=ref.value)
    return AttributedIdentifier(identifier.pk, profile_id)
