"""Requests that other companies' systems pass on: opened, cancelled while pending, taken up.

Invariant: while a request is pending nothing has happened to anybody. A worker takes it up after
`OPENDSR_PENDING_SECONDS`; from then on it is a privacy request like any other, vouched for by the
controller.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from consent.lib.digests import keyed_digest
from consent.models import Controller, PrivacyRequest, SubjectRequest
from consent.opendsr import sql
from consent.opendsr.contract import expected_completion
from consent.requests.effects import take_effect
from consent.requests.fulfilment import WORKER, set_apart
from consent.requests.lifecycle import cancel_request
from consent.requests.opening import opened_changes, storable_changes
from consent.requests.statuses import Kind, Status, WrongStatus, advance, write_log
from consent.requests.subjects import find_subject
from consent.suppression.rows import find_suppressed
from profiles.identifiers.lookup import parse_references
from profiles.lib.calendar import add_months
from profiles.lib.change_queue import nudge
from profiles.lib.database import database_now
from profiles.lib.faults import fault_word, is_outage
from profiles.lib.people_lock import people_lock
from profiles.services import Actor, audited, checked_corrections

logger = logging.getLogger(__name__)


class AlreadyPassedOn(Exception):
    """The controller has passed on another request under the same id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSubjectRequest:
    """A request to be opened, of one of our kinds.

    `references` are `namespace:value`, `hashes` the SHA-256 of addresses in lower-case hexadecimal.
    `body` is the whole body as it was sent; only a keyed hash of it is kept.
    """

    subject_request_id: UUID
    kind: str
    regulation: str
    submitted_at: datetime
    body: bytes
    references: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    changes: Mapping[str, Any] = field(default_factory=dict)
    callback_urls: tuple[str, ...] = ()


def open_subject_request(
    new_request: NewSubjectRequest, *, controller: Controller, actor: Actor
) -> SubjectRequest:
    """Open a request, or return the one that the same body has opened before.

    Raises AlreadyPassedOn, InvalidIdentifier and InvalidCorrection.
    """
    digest = keyed_digest(settings.DEDUPLICATION_KEY, "opendsr", new_request.body.hex()).hex()
    with audited(actor, "privacy_request.opened") as deed:
        people_lock()
        known = find_subject_request(controller, new_request.subject_request_id)
        if known is not None:
            if known.body_digest != digest:
                raise AlreadyPassedOn("The id was used for another request.")
            return known
        subject_request = _create(new_request, controller, digest, actor)
        deed.about(
            "privacy_request",
            subject_request.request_id,
            **opened_changes(subject_request.request),
        )
        nudge("consent.act_on_requests")
        return subject_request


def find_subject_request(controller: Controller, subject_request_id: UUID) -> SubjectRequest | None:
    """Return a request of this controller by the id that it gave it."""
    requests = SubjectRequest.objects.select_related("request", "controller")
    return requests.filter(controller=controller, subject_request_id=subject_request_id).first()


def cancel_subject_request(subject_request: SubjectRequest, *, actor: Actor) -> None:
    """Cancel a request that is pending. Raises WrongStatus."""
    cancel_request(subject_request.request, actor=actor, note="The controller cancelled it.")
    nudge("consent.send_callbacks")


def take_up_subject_requests() -> int:
    """Let every request take effect that has been pending long enough; return how many did.

    Addresses that came as hashes are found by one scan for all of them; nothing of it is kept.
    """
    due = list(_due(database_now()))
    addresses = _addresses_by_hash(
        {value for row in due for value in row.request.body.get("hashes", ())}
    )
    return sum(_try_to_take_up(row, addresses) for row in due)


def _create(
    new_request: NewSubjectRequest, controller: Controller, digest: str, actor: Actor
) -> SubjectRequest:
    now = database_now()
    # Judged now, so that the caller hears of it.
    subject = find_subject(new_request.references)
    begun_at = min(now, new_request.submitted_at)
    expected_at = expected_completion(
        new_request.regulation,
        submitted_at=new_request.submitted_at,
        received_at=now,
        month_later=add_months(begun_at, 1),
    )
    request = PrivacyRequest.objects.create(
        kind=new_request.kind,
        door=PrivacyRequest.Door.CONTROLLER,
        identifier_ids=subject.identifier_ids,
        body=_body(new_request),
        requested_by=str(actor),
        received_at=now,
        due_at=expected_at,
    )
    write_log(request, actor=actor)
    return SubjectRequest.objects.create(
        controller=controller,
        subject_request_id=new_request.subject_request_id,
        request=request,
        body_digest=digest,
        regulation=new_request.regulation,
        received_at=now,
        expected_at=expected_at,
        callback_urls=list(new_request.callback_urls),
    )


def _body(new_request: NewSubjectRequest) -> dict[str, Any]:
    references = _normalised(new_request.references)
    if new_request.kind != Kind.ERASURE:
        # Who was erased may only be named so that they are kept out.
        references -= find_suppressed(references)
    body: dict[str, Any] = {"references": sorted(references)}
    if new_request.hashes:
        body["hashes"] = sorted(set(new_request.hashes))
    if new_request.changes:
        body["changes"] = storable_changes(checked_corrections(new_request.changes))
    return body


def _normalised(references: Iterable[str]) -> set[str]:
    return {f"{ref.namespace}:{ref.value}" for ref in parse_references(references)}


def _due(now: datetime) -> QuerySet[SubjectRequest]:
    is_retried = Q(request__retry_at=None) | Q(request__retry_at__lte=now)
    pending = timedelta(seconds=settings.OPENDSR_PENDING_SECONDS)
    return SubjectRequest.objects.select_related("request").filter(
        is_retried, request__status=Status.RECEIVED, received_at__lte=now - pending
    )


def _addresses_by_hash(hashes: set[str]) -> dict[str, str]:
    if not hashes:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(sql.ADDRESSES_BY_HASH, [sorted(hashes)])
        return dict(cursor.fetchall())


def _try_to_take_up(row: SubjectRequest, addresses: Mapping[str, str]) -> bool:
    try:
        return _take_up(row.request_id, addresses)
    except WrongStatus:
        # It was cancelled in between.
        return False
    except Exception as error:
        # Any fault is caught: the other requests must not wait for this one.
        logger.error("Privacy request %s failed: %s.", row.request_id, fault_word(error))
        if not is_outage(error):
            set_apart(row.request_id, fault_word(error))
        return False


@transaction.atomic
def _take_up(request_id: UUID, addresses: Mapping[str, str]) -> bool:
    people_lock()
    request = PrivacyRequest.objects.select_for_update().get(pk=request_id)
    if request.status != Status.RECEIVED:
        return False
    hashes = request.body.pop("hashes", [])
    by_hash = [f"email:{addresses[value]}" for value in hashes if value in addresses]
    subject = find_subject([*request.body["references"], *by_hash])
    request.body["references"] = list(subject.requested_references)
    request.identifier_ids = subject.identifier_ids
    if unknown := len(hashes) - len(by_hash):
        request.receipt |= {"unknown_hashes": unknown}
    if subject.left_out_count:
        request.receipt |= {"left_out": subject.left_out_count}
    advance(request, Status.VERIFIED, actor=WORKER, note="The controller vouches for it.")
    take_effect(request, subject)
    return True
