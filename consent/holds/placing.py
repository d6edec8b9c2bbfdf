"""Placing, changing and lifting legal holds.

Invariant: a hold is changed under the people lock, so that an erasure sees it wholly or not at all;
that it was placed or lifted and when it is reviewed is in the privacy journal, its reason and case
are not. Lifting decides; a worker then deletes what the hold kept (`consent.requests.resuming`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from consent.holds.scope import InvalidHold, Scope, checked_scope
from consent.journal.entries import Act
from consent.models import LegalHold, PrivacyRequest
from consent.suppression.rows import note_references
from profiles.identifiers.lookup import parse_references, profiles_by_reference
from profiles.lib.change_queue import nudge
from profiles.lib.people_lock import people_lock
from profiles.models import Identifier, Source
from profiles.services import Actor, audited, differences

Status = PrivacyRequest.Status
_STILL_TO_ERASE = (Status.COOLING, Status.VERIFIED, Status.IN_PROGRESS)
_CHANGEABLE = ("review_on", "reason", "case_reference")


class HoldLifted(Exception):
    """The hold was lifted, after which nothing of it changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewHold:
    """A hold to be placed on whom the references `namespace:value` mean."""

    references: Sequence[str]
    scope: Scope
    ground: str
    reason: str
    review_on: date
    case_reference: str = ""
    sources: Sequence[str] = ()


def place_hold(new_hold: NewHold, *, actor: Actor, now: datetime) -> LegalHold:
    """Keep some data of a person beyond their erasure. Raises InvalidIdentifier and InvalidHold."""
    parse_references(new_hold.references)
    scope = checked_scope(new_hold.scope)
    _check_review(new_hold.review_on, now)
    sources = _checked_sources(new_hold.sources)
    with audited(actor, "legal_hold.placed") as deed:
        people_lock()
        hold = LegalHold.objects.create(
            identifier_ids=_identifiers_of(new_hold.references),
            scope=scope,
            sources=sources,
            ground=new_hold.ground,
            reason=new_hold.reason,
            case_reference=new_hold.case_reference,
            review_on=new_hold.review_on,
            placed_by=str(actor),
            placed_at=now,
        )
        _note_placed(hold)
        terms = {"ground": hold.ground, "scope": scope, "sources": sources}
        deed.about("legal_hold", hold.pk, **differences({}, terms), **_review(None, hold))
    return hold


def change_hold(
    hold: LegalHold, *, changes: dict[str, Any], actor: Actor, now: datetime
) -> LegalHold:
    """Change when a hold is reviewed, its reason or its case. Raises InvalidHold and HoldLifted."""
    if "review_on" in changes:
        _check_review(changes["review_on"], now)
    with audited(actor, "legal_hold.changed") as deed:
        people_lock()
        hold.refresh_from_db()
        _refuse_lifted(hold)
        former = hold.review_on
        for name in _CHANGEABLE:
            setattr(hold, name, changes.get(name, getattr(hold, name)))
        hold.save(update_fields=_CHANGEABLE)
        if hold.review_on != former:
            review = {"hold": str(hold.pk), "review_on": hold.review_on.isoformat()}
            note_references(Act.HOLD_REVIEWED, (), fields=review)
        # The reason and the case may name people, so that only their names are written down.
        renamed = {name: [None, None] for name in changes if name != "review_on"}
        deed.about("legal_hold", hold.pk, **_review(former, hold), **renamed)
    return hold


def lift_hold(hold: LegalHold, *, actor: Actor, reason: str, now: datetime) -> LegalHold:
    """End a hold; the erasure that it kept back goes on by itself. Raises HoldLifted."""
    with audited(actor, "legal_hold.lifted", reason=reason) as deed:
        people_lock()
        hold.refresh_from_db()
        _refuse_lifted(hold)
        hold.lifted_by, hold.lifted_at = str(actor), now
        hold.save(update_fields=["lifted_by", "lifted_at"])
        note_references(Act.HOLD_LIFTED, (), fields={"hold": str(hold.pk)})
        deed.about("legal_hold", hold.pk, lifted_at=[None, now.isoformat()])
        nudge("consent.act_on_requests")
    return hold


def _note_placed(hold: LegalHold) -> None:
    """Note a hold for the journal: on whom, by their digests, and what it keeps."""
    identifiers = Identifier.objects.filter(pk__in=hold.identifier_ids).order_by("pk")
    erasures = PrivacyRequest.objects.filter(
        kind=PrivacyRequest.Kind.ERASURE, identifier_ids__overlap=hold.identifier_ids
    )
    terms = {
        "hold": str(hold.pk),
        "scope": hold.scope,
        "sources": hold.sources,
        "ground": str(hold.ground),
        "review_on": hold.review_on.isoformat(),
        # Else an erasure that stands before this line in the journal was over, and kept nothing.
        "is_erasing": erasures.filter(status__in=_STILL_TO_ERASE).exists(),
    }
    note_references(Act.HOLD, map(str, identifiers), fields=terms)


def overdue_holds(now: datetime) -> int:
    """Return how many standing holds somebody should have looked at by now."""
    return LegalHold.objects.filter(lifted_at=None, review_on__lte=now.date()).count()


def _identifiers_of(references: Sequence[str]) -> list[int]:
    """Return the ids of all identifiers of the people. Raises InvalidHold where nobody is meant."""
    profile_ids = set(profiles_by_reference(references).values())
    if not profile_ids:
        raise InvalidHold("identifiers", "Nobody has any of these identifiers.")
    identifiers = Identifier.objects.filter(profile__in=profile_ids)
    return list(identifiers.order_by("pk").values_list("pk", flat=True))


def _checked_sources(keys: Sequence[str]) -> list[str]:
    wanted = sorted(set(keys))
    known = set(Source.objects.filter(key__in=wanted).values_list("key", flat=True))
    if not known.issuperset(wanted):
        raise InvalidHold("sources", "Only keys of sources are allowed.")
    return wanted


def _check_review(day: date, now: datetime) -> None:
    if day <= now.date():
        raise InvalidHold("review_on", "Must be a day after today.")


def _refuse_lifted(hold: LegalHold) -> None:
    if hold.lifted_at is not None:
        raise HoldLifted("The hold was lifted.")


def _review(former: date | None, hold: LegalHold) -> dict[str, Any]:
    day = hold.review_on.isoformat()
    before = former and former.isoformat()
    return {"review_on": [before, day]} if before != day else {}
