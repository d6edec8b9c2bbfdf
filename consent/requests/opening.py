"""Opening privacy requests, for services and staff, and for customers.

Invariant: a request takes effect in the call that opens it, unless staff must look at it first or
it is an erasure that can still be stopped.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from consent.ledger.events import keyed_idempotency
from consent.ledger.statements import KeyReused
from consent.models import PrivacyRequest
from consent.requests.cooling import begin_cooling, must_cool
from consent.requests.effects import take_effect
from consent.requests.statuses import Door, Kind, Status, advance, write_log
from consent.requests.subjects import Subject, find_subject
from consent.suppression.forms import ERASED
from consent.suppression.rows import clean, find_suppressed
from profiles.lib.calendar import add_months
from profiles.lib.database import database_now
from profiles.lib.people_lock import people_lock
from profiles.services import (
    CONTACT_TRAITS,
    Actor,
    audited,
    checked_corrections,
    requires_staff,
)

# These kinds change the whole profile, so the customer must be shown to own all of it.
_WHOLE_PROFILE_KINDS = (Kind.RECTIFICATION, Kind.RESTRICTION)
_CHECK = Actor.system("check of identifiers")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRequest:
    """A request to be opened.

    `references` are `namespace:value`; they are empty for a customer, whose session names the
    identifier. `changes` maps trait names to new values, for a rectification. `language` is that of
    what the person gets to read.
    """

    kind: str
    references: tuple[str, ...] = ()
    reason: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)
    idempotency_key: str | None = None
    bulk_id: UUID | None = None
    language: str = ""


def open_request(new_request: NewRequest, *, door: str, actor: Actor) -> PrivacyRequest:
    """Open a request for a service or for staff, who vouch that the customer made it.

    If the idempotency key is known, the request already opened is returned. Raises
    InvalidIdentifier, InvalidCorrection, and KeyReused where that one is of another kind.
    """
    with audited(actor, "privacy_request.opened") as deed:
        people_lock()
        if (known := _find_by_idempotency_key(new_request)) is not None:
            return known
        subject = find_subject(new_request.references)
        request = create_request(new_request, subject, door=door, actor=actor)
        deed.about("privacy_request", request.pk, **opened_changes(request))
    return request


def create_request(
    new_request: NewRequest, subject: Subject, *, door: str, actor: Actor
) -> PrivacyRequest:
    """Store a request, and let it take effect unless it cools or staff must look at it first.

    The caller holds the people lock. Raises InvalidCorrection.
    """
    now = database_now()
    key = new_request.idempotency_key
    new_request = replace(new_request, changes=checked_corrections(new_request.changes))
    request = PrivacyRequest.objects.create(
        kind=new_request.kind,
        door=door,
        identifier_ids=subject.identifier_ids,
        body=_request_body(new_request, subject),
        reason=new_request.reason,
        bulk_id=new_request.bulk_id,
        language=new_request.language,
        requested_by=str(actor),
        received_at=now,
        # Article 12(3): within one month of receipt.
        due_at=add_months(now, 1),
        idempotency_key=key and keyed_idempotency(key),
        receipt={"left_out": subject.left_out_count} if subject.left_out_count else {},
    )
    write_log(request, actor=actor)
    if note := _reason_to_wait(new_request, subject, door):
        advance(request, Status.AWAITING_VERIFICATION, actor=_CHECK, note=note)
        return request
    if must_cool(new_request.kind, door):
        begin_cooling(request, subject, actor=actor, now=now)
        return request
    advance(request, Status.VERIFIED, actor=actor, note="The identifiers are vouched for.")
    take_effect(request, subject)
    return request


def _find_by_idempotency_key(new_request: NewRequest) -> PrivacyRequest | None:
    if new_request.idempotency_key is None:
        return None
    key = keyed_idempotency(new_request.idempotency_key)
    known = PrivacyRequest.objects.filter(idempotency_key=key).first()
    if known is not None and known.kind != new_request.kind:
        raise KeyReused("The idempotency key was used for another request.")
    return known


def _reason_to_wait(new_request: NewRequest, subject: Subject, door: str) -> str:
    """Return why staff must look at a new request first; empty if it can take effect."""
    if door == Door.JOURNAL:
        return ""  # It took effect once.
    if not subject.is_whole and new_request.kind in _WHOLE_PROFILE_KINDS:
        return "Other identifiers of the profile are not proven to be the customer's."
    if door != Door.CUSTOMER or new_request.kind != Kind.RECTIFICATION:
        return ""
    if requires_staff(new_request.changes, proved=contacts_of(subject)):
        return "Customers correct alone what they gave; the rest, and new contacts, need a proof."
    return ""


def contacts_of(subject: Subject) -> dict[str, set[str]]:
    """Return the values of the subject's identifiers by namespace."""
    contacts: dict[str, set[str]] = defaultdict(set)
    for reference in subject.references:
        namespace, _, value = reference.partition(":")
        contacts[namespace].add(value)
    return contacts


def opened_changes(request: PrivacyRequest) -> dict[str, Any]:
    """Return what the audit entry of a new request shows."""
    return {
        "kind": [None, str(request.kind)],
        "door": [None, str(request.door)],
        "status": [None, str(request.status)],
    }


def _request_body(new_request: NewRequest, subject: Subject) -> dict[str, Any]:
    body: dict[str, Any] = {"references": list(subject.requested_references)}
    if new_request.changes:
        body["changes"] = storable_changes(new_request.changes)
    return body


def storable_changes(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return corrections as they may be kept: without what names an erased person.

    In the place of an address or a number is a mark, with which no correction is carried out.
    """
    contacts = {key: value for key, value in changes.items() if key in CONTACT_TRAITS and value}
    erased = find_suppressed(f"{key}:{value}" for key, value in contacts.items())
    marked = {key: ERASED for key, value in contacts.items() if f"{key}:{value}" in erased}
    others = {key: value for key, value in changes.items() if key not in marked}
    return dict(clean(others)) | marked
