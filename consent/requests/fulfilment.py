"""Acting on verified requests: each kind's work, done by workers and swept for.

Invariant: an act is one transaction under the people lock that starts by reading where the request stands, so it may run
twice, at once, or be killed at any line.
"""

import logging
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Least

from consent.models import PrivacyRequest
from consent.requests.archive import make_archive
from consent.requests.erasure import erase, is_drained, suppressed_at
from consent.requests.lifecycle import ACTIVE, Kind, Status, advance, subject_now
from profiles.lib.database import database_now
from profiles.lib.people_lock import people_lock
from profiles.services import rectify

logger = logging.getLogger(__name__)
_WORKER = "worker"
_MOST_ATTEMPTS = 1000


def act_on_requests() -> int:
    """Act on every request that is due, each by itself; return how many are done. One that fails is tried again."""
    waiting = PrivacyRequest.objects.filter(status__in=ACTIVE).order_by("received_at")
    return sum(_try(pk) for pk in list(waiting.values_list("pk", flat=True)))


def act_on(request_id: UUID) -> bool:
    """Do what a verified request asks for, as far as it can be done now; return whether it is done or refused."""
    with transaction.atomic():
        people_lock()
        request = PrivacyRequest.objects.select_for_update().get(pk=request_id)
        if request.status not in ACTIVE:
            return False
        _act(request)
        return request.status not in ACTIVE


def _try(request_id: UUID) -> bool:
    try:
        return act_on(request_id)
    except Exception as error:
        # Whatever it is, the others must not wait for it. Only the kind of fault: its text may name the person.
        logger.error("Privacy request %s failed: %s.", request_id, type(error).__name__)
        PrivacyRequest.objects.filter(pk=request_id).update(
            attempts=Least(F("attempts") + 1, _MOST_ATTEMPTS)
        )
        return False


def _act(request: PrivacyRequest) -> None:
    match request.kind:
        case Kind.ERASURE:
            _act_on_erasure(request)
        case Kind.ACCESS | Kind.PORTABILITY:
            subject = subject_now(request)
            make_archive(request, subject, now=database_now())
            _finish(request, profiles=len(subject.people))
        case Kind.RECTIFICATION:
            _act_on_rectification(request)
        case _:
            # Restriction and objection took effect when the request was verified.
            _finish(request, profiles=len(subject_now(request).people))


def _act_on_erasure(request: PrivacyRequest) -> None:
    """Erase; then wait for what was on its way when the identifiers were suppressed, and make sure that nothing came."""
    if request.status == Status.VERIFIED:
        erase(request)
        advance(request, Status.IN_PROGRESS, actor=_WORKER, note="Erased.")
    if is_drained(suppressed_at(request.receipt)):
        erase(request)
        advance(request, Status.DONE, actor=_WORKER)


def _act_on_rectification(request: PrivacyRequest) -> None:
    subject = subject_now(request)
    if not subject.people:
        advance(request, Status.REFUSED, actor=_WORKER, note="Nobody has these identifiers.")
        return
    changes = request.body["changes"]
    for person in subject.people:
        rectify(
            person.profile_id,
            changes,
            actor=request.requested_by,
            reason=request.reason or "privacy request",
        )
    request.body = {}
    request.save(update_fields=["body"])
    _finish(request, profiles=len(subject.people), traits=len(changes))


def _finish(request: PrivacyRequest, **counts: int) -> None:
    request.receipt |= counts
    request.save(update_fields=["receipt"])
    advance(request, Status.DONE, actor=_WORKER)
