"""The way back: an erased person is stored again where there is proof that they want it.

Invariant: what the person had refused or objected to before the erasure stands, until they
themselves permit it again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from consent.ledger.inputs import ConsentInput
from consent.ledger.record import record_many
from consent.models import ConsentKind, DecidedBy, Method, Purpose, State
from consent.suppression.rows import FOREVER, KeptOut, rows_of
from profiles.identifiers.lookup import parse_reference, parse_references
from profiles.identifiers.references import reference_of
from profiles.lib.database import database_now
from profiles.lib.people_lock import people_lock
from profiles.models import Identifier, Source, TrustLevel
from profiles.services import Actor, audited, identify

RETURNS, PROOFS = "returns", "confirmed-by-mail"
# The kind of what was refused or objected to, and its purpose; None: direct marketing as a whole.
Refusal = tuple[str, int | None]


class Sighting(NamedTuple):
    """Normalised references that a server named together, and the time of what it said."""

    at: datetime
    references: Sequence[str]


def welcome_back(references: Sequence[str], *, actor: Actor, reason: str) -> bool:
    """Lift these identifiers of one person, and store the person anew with what they had refused.

    `reason` names the proof. Returns whether any of them was suppressed; nothing is done if none
    was. Raises InvalidIdentifier.
    """
    with audited(actor, "suppression.lifted", reason=reason) as deed:
        people_lock()
        refs = parse_references(references)
        is_back = readmit([reference_of(ref) for ref in refs], actor=actor)
        if is_back:
            deed.about("suppression", "returned", identifiers=[None, len(refs)])
    return is_back


def identify_proved(references: Sequence[str], *, actor: Actor) -> bool:
    """Store normalised references that somebody proved as one person's.

    Returns whether any was suppressed; they come back by the proof. The caller holds the people
    lock. Raises InvalidIdentifier.
    """
    if readmit(references, actor=actor):
        return True
    source, _ = Source.objects.get_or_create(key=PROOFS, defaults={"name": "Confirmed by mail"})
    identify(references, source=source, trust=TrustLevel.VERIFIED, now=database_now())
    return False


def readmit(references: Sequence[str], *, actor: Actor) -> bool:
    """Lift normalised references of one person, and store them with what they had refused.

    Returns whether any was suppressed; nothing is done if none was. The caller holds the people
    lock.
    """
    lifted = [refusals for reference in references for refusals in _lift(reference)]
    if lifted:
        _store(references, set().union(*lifted), actor)
    return bool(lifted)


def readmit_companions(
    sightings: Iterable[Sighting], kept_out: Mapping[str, KeptOut]
) -> dict[str, KeptOut]:
    """Lift what a server names together with somebody of the same erasure who came back.

    It is from the return on, in the caller's transaction. Returns the references that were lifted.
    """
    readmitted: dict[str, KeptOut] = {}
    for at, references in sightings:
        rows = [kept_out[reference] for reference in references if reference in kept_out]
        returned = [row for row in rows if row.until <= at]
        erasures = {erasure for row in returned for erasure in row.erasures}
        for reference in references:
            row = kept_out.get(reference)
            if row and row.until == FOREVER and row.erasures and row.erasures <= erasures:
                since = max(row.until for row in returned)
                rows_of(reference).update(lifted_at=since)
                readmitted[reference] = row._replace(until=since)
    return readmitted


def _lift(reference: str) -> list[set[Refusal]]:
    """Lift the suppressions of a reference; return the refusals that each of them kept."""
    rows = rows_of(reference)
    kept = [
        {(kind, purpose_id) for kind, purpose_id in refusals}
        for refusals in rows.values_list("refusals", flat=True)
    ]
    rows.update(lifted_at=database_now())
    return kept


def _store(references: Sequence[str], refusals: set[Refusal], actor: Actor) -> None:
    source, _ = Source.objects.get_or_create(key=RETURNS, defaults={"name": "Returns"})
    now = database_now()
    profile_id = identify(references, source=source, trust=TrustLevel.VERIFIED, now=now)
    ref = parse_reference(references[0])
    identifier = Identifier.objects.get(namespace=ref.namespace, value=ref.value)
    keys = dict(Purpose.objects.values_list("pk", "key"))
    first = ConsentInput(
        identifier_id=identifier.pk,
        profile_id=profile_id,
        purpose=None,
        state=State.WITHDRAWN,
        # Just before what the person may say from now on.
        occurred_at=now - timedelta(microseconds=1),
        received_at=now,
        actor=DecidedBy.SUBJECT,
        method=Method.API,
        trust=TrustLevel.VERIFIED,
        source_id=source.pk,
        evidence={"kept": "through an erasure"},
        recorded_by=str(actor),
    )
    record_many(
        [
            _refusal(first, kind, None if purpose_id is None else keys[purpose_id])
            for kind, purpose_id in sorted(refusals, key=str)
        ]
    )


def _refusal(first: ConsentInput, kind: str, purpose: str | None) -> ConsentInput:
    if kind == ConsentKind.CONSENT:
        return replace(first, purpose=purpose)
    return replace(first, kind=ConsentKind.OBJECTION, state=State.GIVEN, purpose=purpose)
