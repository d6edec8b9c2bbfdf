"""The steps of a privacy request: opening, verifying, refusing, cancelling and extending it.

Invariant: what a verified erasure, restriction or objection forbids is refused by the gate before
the call returns.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from consent.journal.entries import Act
from consent.ledger.record import ConsentInput, keyed_idempotency, record_many
from consent.ledger.statements import KeyReused
from consent.ledger.states import standing_refusals
from consent.models import (
    ConsentKind,
    DecidedBy,
    Method,
    PrivacyRequest,
    RequestLogEntry,
    State,
)
from consent.requests.subjects import (
    Subject,
    find_subject,
    subject_from_identifiers,
)
from consent.suppression.forms import ERASED
from consent.suppression.rows import clean, find_suppressed, note_references, suppress
from profiles.lib.calendar import add_months
from profiles.lib.change_queue import mark_changed, nudge
from profiles.lib.database import database_now
from profiles.lib.people_lock import people_lock
from profiles.models import Profile, TrustLevel
from profiles.services import (
    CONTACT_TRAITS,
    Actor,
    audited,
    checked_corrections,
    requires_staff,
)

Kind, Status, Door = PrivacyRequest.Kind, PrivacyRequest.Status, PrivacyRequest.Door
OPEN = (Status.RECEIVED, Status.AWAITING_VERIFICATION, Status.VERIFIED, Status.IN_PROGRESS)
ACTIVE = (Status.VERIFIED, Status.IN_PROGRESS)
# These kinds change the whole profile, so the customer must be shown to own all of it.
_WHOLE_PROFILE_KINDS = (Kind.RECTIFICATION, Kind.RESTRICTION)
# Requests by these doors are about just the identifiers that they name.
_PART_DOORS = (Door.CUSTOMER, Door.JOURNAL)
# These kinds take effect when they are verified; from then on there is only forward.
_IMMEDIATE_KINDS = (Kind.ERASURE, Kind.RESTRICTION, Kind.OBJECTION)
_CHECK = Actor.system("check of identifiers")
_NEXT_STATUSES = {
    Status.RECEIVED: (Status.AWAITING_VERIFICATION, Status.VERIFIED, Status.CANCELLED),
    Status.AWAITING_VERIFICATION: (Status.VERIFIED, Status.REFUSED, Status.CANCELLED),
    Status.VERIFIED: (
        Status.AWAITING_VERIFICATION,
        Status.IN_PROGRESS,
        Status.DONE,
        Status.REFUSED,
    ),
    Status.IN_PROGRESS: (Status.DONE, Status.REFUSED),
}


class WrongStatus(Exception):
    """The status of the request does not allow this step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRequest:
    """A request to be opened.

    `references` are `namespace:value`; they are empty for a customer, whose session names the
    identifier. `changes` maps trait names to new values, for a rectification.
    """

    kind: str
    references: tuple[str, ...] = ()
    reason: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)
    idempotency_key: str | None = None


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


def verify_request(request: PrivacyRequest, *, actor: Actor, note: str) -> None:
    """Record that staff are sure of the customer's identity, and let the request take effect.

    The request is about the whole profile from then on. Raises WrongStatus.
    """
    with audited(actor, "privacy_request.verified") as deed:
        people_lock()
        deed.about("privacy_request", request.pk, status=[request.status, Status.VERIFIED])
        advance(request, Status.VERIFIED, actor=actor, note=note)
        request.body["is_vouched_whole"] = True
        take_effect(request, current_subject(request))


def refuse_request(request: PrivacyRequest, *, actor: Actor, article: str, reason: str) -> None:
    """Refuse a request, naming the article that allows it and the reason.

    One that has taken effect is carried out to its end. Raises WrongStatus, and ValueError if the
    article or the reason is empty.
    """
    if not article.strip() or not reason.strip():
        raise ValueError("A refusal names its article and its reason.")
    with audited(actor, "privacy_request.refused") as deed:
        people_lock()
        request.refresh_from_db(fields=["status"])
        if request.kind in _IMMEDIATE_KINDS and request.status in ACTIVE:
            raise WrongStatus("What the request asks for has taken effect already.")
        deed.about("privacy_request", request.pk, status=[request.status, Status.REFUSED])
        advance(request, Status.REFUSED, actor=actor, note=f"{article}: {reason}")


def cancel_request(request: PrivacyRequest, *, actor: Actor, note: str = "") -> None:
    """Cancel a request that is not verified yet. Raises WrongStatus."""
    with audited(actor, "privacy_request.cancelled") as deed:
        people_lock()
        deed.about("privacy_request", request.pk, status=[request.status, Status.CANCELLED])
        advance(request, Status.CANCELLED, actor=actor, note=note)


def extend_request(request: PrivacyRequest, *, actor: Actor, reason: str, now: datetime) -> None:
    """Extend the deadline of an open request by two months, once, before it ends.

    Article 12(3) allows this where a reason is given. Raises WrongStatus, and ValueError if the
    reason is empty.
    """
    if not reason.strip():
        raise ValueError("An extension has a reason.")
    with audited(actor, "privacy_request.extended") as deed:
        # One conditional update: two callers cannot both extend it.
        extended = PrivacyRequest.objects.filter(
            pk=request.pk, status__in=OPEN, extended_at=None, due_at__gt=now
        ).update(due_at=add_months(request.received_at, 3), extended_at=now)
        if extended != 1:
            raise WrongStatus("Only an open request can be extended, once, within its first month.")
        former_due_at = request.due_at
        request.refresh_from_db()
        write_log(request, actor=actor, note=reason)
        due_at = [former_due_at.isoformat(), request.due_at.isoformat()]
        deed.about("privacy_request", request.pk, due_at=due_at)


def advance(request: PrivacyRequest, status: str, *, actor: Actor, note: str = "") -> None:
    """Move a request to the next status and log it.

    Raises WrongStatus if the step is not allowed, or if another caller has moved the request.
    """
    sources = [source for source, targets in _NEXT_STATUSES.items() if status in targets]
    now = database_now()
    done = {"done_at": now} if status in (Status.DONE, Status.REFUSED, Status.CANCELLED) else {}
    moved = PrivacyRequest.objects.filter(pk=request.pk, status__in=sources).update(
        status=status, **done
    )
    if moved != 1:
        raise WrongStatus(f"A request that is not {' or '.join(sources)} cannot become {status}.")
    # Only these fields: the caller may have changed others that it saves later.
    request.refresh_from_db(fields=["status", "done_at"])
    write_log(request, actor=actor, note=note)


def write_log(request: PrivacyRequest, *, actor: Actor, note: str = "") -> None:
    """Log the current status of a request."""
    RequestLogEntry.objects.create(
        request=request, status=request.status, actor=str(actor), note=note
    )


def current_subject(request: PrivacyRequest) -> Subject:
    """Return the subject of a request as profiles are now.

    Whole profiles, unless a customer made the request and proved only some of the identifiers.
    """
    if request.door in _PART_DOORS and not request.body.get("is_vouched_whole", False):
        return subject_from_identifiers(request.identifier_ids)
    # Identifiers may have moved since the request was opened. The profiles that have them now are
    # looked up like those a service names, so that a shared identifier is judged again.
    people = subject_from_identifiers(request.identifier_ids).people
    references = [f"profile:{person.profile_uuid}" for person in people]
    return find_subject(references) if references else Subject(())


def _find_by_idempotency_key(new_request: NewRequest) -> PrivacyRequest | None:
    if new_request.idempotency_key is None:
        return None
    key = keyed_idempotency(new_request.idempotency_key)
    known = PrivacyRequest.objects.filter(idempotency_key=key).first()
    if known is not None and known.kind != new_request.kind:
        raise KeyReused("The idempotency key was used for another request.")
    return known


def create_request(
    new_request: NewRequest, subject: Subject, *, door: str, actor: Actor
) -> PrivacyRequest:
    """Store a request, and let it take effect unless staff must look at it first.

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
    advance(request, Status.VERIFIED, actor=actor, note="The identifiers are vouched for.")
    take_effect(request, subject)
    return request


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


def take_effect(request: PrivacyRequest, subject: Subject) -> None:
    """Close the gate where the kind demands it, then leave the rest to a worker."""
    if request.kind == Kind.ERASURE:
        _suppress_subject(request, subject)
        _restrict_subject(request, subject)
    elif request.kind == Kind.RESTRICTION:
        _restrict_subject(request, subject)
        note_references(Act.RESTRICTION, subject.references)
    elif request.kind == Kind.OBJECTION:
        _record_objections(request, subject)
    request.save(update_fields=["body", "receipt", "identifier_ids"])
    nudge("consent.act_on_requests")


def _suppress_subject(request: PrivacyRequest, subject: Subject) -> None:
    """Suppress every identifier of the people, and the requested ones that no profile has.

    Identifiers of other people were left out of the subject, so they are not suppressed.
    """
    references = {*request.body["references"], *subject.references}
    suppress(references, request_id=request.pk, refusals=standing_refusals(subject.profile_ids))
    request.identifier_ids = sorted({*request.identifier_ids, *subject.identifier_ids})
    request.receipt |= {
        "suppressed": len(references),
        "suppressed_at": database_now().isoformat(),
    }


def _restrict_subject(request: PrivacyRequest, subject: Subject) -> None:
    """Restrict the profiles, and note in the body which were unrestricted but for erasures.

    The erasure of a part of a profile lifts the restriction of what is left if it is noted here.
    """
    unrestricted = Profile.objects.filter(pk__in=subject.profile_ids, is_restricted=False)
    restricted_by_erasures = {
        *unrestricted.values_list("pk", flat=True),
        *restricted_by_other_erasures(request),
    }
    request.body["restricted"] = sorted(restricted_by_erasures & set(subject.profile_ids))
    unrestricted.update(is_restricted=True)
    mark_changed(subject.profile_ids)


def restricted_by_other_erasures(request: PrivacyRequest) -> set[int]:
    """Return the ids of profiles that other active erasures have restricted."""
    others = PrivacyRequest.objects.filter(kind=Kind.ERASURE, status__in=ACTIVE)
    bodies = others.exclude(pk=request.pk).values_list("body", flat=True)
    return {profile_id for body in bodies for profile_id in body.get("restricted", ())}


def _record_objections(request: PrivacyRequest, subject: Subject) -> None:
    """Record an objection to direct marketing as a whole for every identifier of the people.

    For every identifier, so that no unmerge loses it.
    """
    now = database_now()
    is_customer = request.door == Door.CUSTOMER
    record_many(
        [
            ConsentInput(
                identifier_id=identifier_id,
                profile_id=person.profile_id,
                purpose=None,
                kind=ConsentKind.OBJECTION,
                state=State.GIVEN,
                occurred_at=now,
                received_at=now,
                actor=DecidedBy.SUBJECT,
                method=Method.BUTTON if is_customer else Method.API,
                trust=TrustLevel.VERIFIED if is_customer else TrustLevel.SERVER,
                evidence={"request": str(request.pk)},
                recorded_by=request.requested_by,
            )
            for person in subject.people
            for identifier_id in person.identifier_ids
        ]
    )
