"""Privacy requests: opened, verified, refused; each step is logged and due dates are kept.

Invariant: what a verified erasure, restriction or objection forbids is forbidden at the gate before the call returns.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from consent.ledger.record import ConsentInput, keyed_idempotency, record_many
from consent.lib.durations import add_months
from consent.models import (
    Actor,
    ConsentKind,
    Method,
    PrivacyRequest,
    RequestLogEntry,
    State,
)
from consent.requests.subjects import Subject, own_subject, part_of, subject_of
from consent.suppression.rows import suppress
from profiles.lib.change_queue import mark_changed, nudge
from profiles.lib.database import database_now
from profiles.lib.people_lock import people_lock
from profiles.models import Profile, TrustLevel

Kind, Status, Door = PrivacyRequest.Kind, PrivacyRequest.Status, PrivacyRequest.Door
OPEN = (Status.RECEIVED, Status.AWAITING_VERIFICATION, Status.VERIFIED, Status.IN_PROGRESS)
ACTIVE = (Status.VERIFIED, Status.IN_PROGRESS)
# Of these the person gets or loses something of the whole profile, so all of it must be his.
_NEED_WHOLE = (Kind.RECTIFICATION, Kind.RESTRICTION)
_NEXT = {
    Status.RECEIVED: (Status.AWAITING_VERIFICATION, Status.VERIFIED, Status.CANCELLED),
    Status.AWAITING_VERIFICATION: (Status.VERIFIED, Status.REFUSED, Status.CANCELLED),
    Status.VERIFIED: (Status.IN_PROGRESS, Status.DONE, Status.REFUSED),
    Status.IN_PROGRESS: (Status.DONE, Status.REFUSED),
}


class WrongStatus(Exception):
    """The request is not where this step starts from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRequest:
    """What somebody asks for. `references` are `namespace:value`; a customer's session names him instead."""

    kind: str
    references: tuple[str, ...] = ()
    reason: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)
    idempotency_key: str | None = None


@transaction.atomic
def open_request(asked: NewRequest, *, door: str, actor: str) -> PrivacyRequest:
    """Take the request of a service or of staff, who vouch for the customer. Raises InvalidIdentifier."""
    people_lock()
    if (known := _known(asked)) is not None:
        return known
    subject = subject_of(asked.references)
    return _open(asked, subject, door=door, actor=actor)


@transaction.atomic
def open_own_request(asked: NewRequest, *, identifier_id: int) -> PrivacyRequest:
    """Take the request of the customer who proved this identifier; only what is provably his is acted on."""
    people_lock()
    return _open(asked, own_subject(identifier_id), door=Door.CUSTOMER, actor="customer")


@transaction.atomic
def verify_request(request: PrivacyRequest, *, actor: str, note: str) -> None:
    """Staff are sure who asks, and that the whole profile is his. Raises WrongStatus."""
    people_lock()
    advance(request, Status.VERIFIED, actor=actor, note=note)
    request.body["is_vouched_whole"] = True
    _take_effect(request, subject_now(request))


@transaction.atomic
def refuse_request(request: PrivacyRequest, *, actor: str, article: str, reason: str) -> None:
    """Refuse with the article that allows it and the reason. Raises WrongStatus, and ValueError without either."""
    if not article.strip() or not reason.strip():
        raise ValueError("A refusal names its article and its reason.")
    people_lock()
    advance(request, Status.REFUSED, actor=actor, note=f"{article}: {reason}")


@transaction.atomic
def cancel_request(request: PrivacyRequest, *, actor: str, note: str = "") -> None:
    """Drop a request that nothing was done about yet. Raises WrongStatus."""
    people_lock()
    advance(request, Status.CANCELLED, actor=actor, note=note)


@transaction.atomic
def extend_request(request: PrivacyRequest, *, actor: str, reason: str, now: datetime) -> None:
    """Two more months, once, within the first month, with a reason (article 12(3)). Raises WrongStatus or ValueError."""
    if not reason.strip():
        raise ValueError("An extension has a reason.")
    longer = PrivacyRequest.objects.filter(
        pk=request.pk, status__in=OPEN, extended_at=None, due_at__gt=now
    ).update(due_at=add_months(request.received_at, 3), extended_at=now)
    if longer != 1:
        raise WrongStatus("Only an open request can be extended, once, within its first month.")
    request.refresh_from_db()
    write_log(request, actor=actor, note=reason)


def advance(request: PrivacyRequest, status: str, *, actor: str, note: str = "") -> None:
    """Move a request on and log it, where the step is allowed and nobody else moved it. Raises WrongStatus."""
    sources = [source for source, targets in _NEXT.items() if status in targets]
    now = database_now()
    done = {"done_at": now} if status in (Status.DONE, Status.REFUSED, Status.CANCELLED) else {}
    moved = PrivacyRequest.objects.filter(pk=request.pk, status__in=sources).update(
        status=status, **done
    )
    if moved != 1:
        raise WrongStatus(f"A request that is not {' or '.join(sources)} cannot become {status}.")
    request.refresh_from_db(fields=["status", "done_at"])
    write_log(request, actor=actor, note=note)


def write_log(request: PrivacyRequest, *, actor: str, note: str = "") -> None:
    RequestLogEntry.objects.create(request=request, status=request.status, actor=actor, note=note)


def subject_now(request: PrivacyRequest) -> Subject:
    """Whom the request is about as people are now: whole profiles, unless the customer proved only a part."""
    if request.door == Door.CUSTOMER and not request.body.get("is_vouched_whole", False):
        return part_of(request.identifier_ids)
    profiles = part_of(request.identifier_ids).people
    uuids = [f"profile:{person.profile_uuid}" for person in profiles]
    return subject_of(uuids) if uuids else Subject(())


def _known(asked: NewRequest) -> PrivacyRequest | None:
    if asked.idempotency_key is None:
        return None
    key = keyed_idempotency(asked.idempotency_key)
    return PrivacyRequest.objects.filter(idempotency_key=key).first()


def _open(asked: NewRequest, subject: Subject, *, door: str, actor: str) -> PrivacyRequest:
    now = database_now()
    request = PrivacyRequest.objects.create(
        kind=asked.kind,
        door=door,
        identifier_ids=subject.identifier_ids,
        body=_body(asked, subject),
        reason=asked.reason,
        requested_by=actor,
        received_at=now,
        due_at=add_months(now, 1),
        idempotency_key=asked.idempotency_key and keyed_idempotency(asked.idempotency_key),
        receipt={"left_out": subject.left_out} if subject.left_out else {},
    )
    write_log(request, actor=actor)
    if not subject.is_whole and asked.kind in _NEED_WHOLE:
        note = "Other identifiers of the profile are not proven to be the customer's."
        advance(request, Status.AWAITING_VERIFICATION, actor="system", note=note)
        return request
    advance(request, Status.VERIFIED, actor=actor, note="The identifiers are vouched for.")
    _take_effect(request, subject)
    return request


def _body(asked: NewRequest, subject: Subject) -> dict[str, Any]:
    body: dict[str, Any] = {"references": list(subject.named)}
    if asked.changes:
        body["changes"] = dict(asked.changes)
    return body


def _take_effect(request: PrivacyRequest, subject: Subject) -> None:
    """What the gate must know before anybody is answered; then have a worker do the rest."""
    if request.kind == Kind.ERASURE:
        _keep_out(request, subject)
        _restrict(request, subject)
    elif request.kind == Kind.RESTRICTION:
        _restrict(request, subject)
    elif request.kind == Kind.OBJECTION:
        _object(request, subject)
    request.save(update_fields=["body", "receipt", "identifier_ids"])
    nudge("consent.act_on_requests")


def _keep_out(request: PrivacyRequest, subject: Subject) -> None:
    """Suppress every identifier of the person, and those asked about that nobody holds; never one of somebody else."""
    references = {*request.body["references"], *subject.references}
    suppress(references, request_id=request.pk)
    request.identifier_ids = sorted({*request.identifier_ids, *subject.identifier_ids})
    request.receipt |= {
        "suppressed": len(references),
        "suppressed_at": database_now().isoformat(),
    }


def _restrict(request: PrivacyRequest, subject: Subject) -> None:
    """Close the gate. Noted is which profiles only erasures keep closed, so that what is left of one opens again."""
    open_before = Profile.objects.filter(pk__in=subject.profile_ids, is_restricted=False)
    closed = {*open_before.values_list("pk", flat=True), *closed_by_others(request)}
    request.body["restricted"] = sorted(closed & set(subject.profile_ids))
    open_before.update(is_restricted=True)
    mark_changed(subject.profile_ids)
    nudge("segments.refresh_changed")


def closed_by_others(request: PrivacyRequest) -> set[int]:
    """The profiles that other erasures have closed until they are done."""
    others = PrivacyRequest.objects.filter(kind=Kind.ERASURE, status__in=ACTIVE)
    bodies = others.exclude(pk=request.pk).values_list("body", flat=True)
    return {number for body in bodies for number in body.get("restricted", ())}


def _object(request: PrivacyRequest, subject: Subject) -> None:
    """An objection to direct marketing as a whole, by all that names the person, so that no unmerge loses it."""
    now = database_now()
    is_customer = request.door == Door.CUSTOMER
    record_many(
        [
            ConsentInput(
                identifier_id=number,
                profile_id=person.profile_id,
                purpose=None,
                kind=ConsentKind.OBJECTION,
                state=State.GIVEN,
                occurred_at=now,
                received_at=now,
                actor=Actor.SUBJECT,
                method=Method.BUTTON if is_customer else Method.API,
                trust=TrustLevel.VERIFIED if is_customer else TrustLevel.SERVER,
                evidence={"request": str(request.pk)},
                recorded_by=request.requested_by,
            )
            for person in subject.people
            for number in person.identifier_ids
        ]
    )
