"""Fulfilling verified requests: what a worker does for each kind.

Invariant: an act is one transaction under the people lock that first reads the status of the
request. So it may run twice or at the same time as another, or be killed at any line.
"""

import logging
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import DataError, transaction
from django.db.models import Q, QuerySet

from consent.holds.rows import is_held_back
from consent.lib import checkpoints
from consent.models import PrivacyRequest
from consent.requests.archives.files import make_archive
from consent.requests.bulk import carry_out_bulks
from consent.requests.cooling import cooled_requests, end_cooling
from consent.requests.erasure import erase, is_drained, suppressed_at
from consent.requests.statuses import ACTIVE, CLOSED, Kind, Status, advance
from consent.requests.subjects import Subject, current_subject
from profiles.lib.checkpoints import reach
from profiles.lib.database import database_now
from profiles.lib.faults import fault_word, is_outage, retry_delay
from profiles.lib.people_lock import people_lock
from profiles.services import Actor, ContactNotFree, InvalidCorrection, audited, rectify

logger = logging.getLogger(__name__)
WORKER = Actor.system("worker")
# The counter stops here, well below what its column can hold.
_MAX_ATTEMPTS = 1000


def act_on_requests() -> int:
    """Act on every active request and return how many are now done or refused.

    Each request has a transaction of its own. One that fails is set apart and tried again after a
    delay that grows with each failure.
    """
    carry_out_bulks()
    end_cooling_times(now=database_now())
    is_due = Q(retry_at=None) | Q(retry_at__lte=database_now())
    active = PrivacyRequest.objects.filter(is_due, status__in=ACTIVE).order_by("received_at")
    return sum(_try_to_act(pk) for pk in list(_ids(active)))


def end_cooling_times(*, now: datetime) -> int:
    """Let the erasures take effect whose cooling-off time is over, and return how many did."""
    return sum(_try_to_end_cooling(pk, now) for pk in list(_ids(cooled_requests(now))))


def count_failed_requests() -> int:
    """Return how many active requests are set apart."""
    return PrivacyRequest.objects.filter(status__in=ACTIVE, failed_at__isnull=False).count()


def act_on_request(request_id: UUID, *, actor: Actor) -> bool:
    """Do what can be done now for a verified request; return whether it is done or refused."""
    with transaction.atomic():
        people_lock()
        request = PrivacyRequest.objects.select_for_update().get(pk=request_id)
        former_status = request.status
        # Another worker may have finished it before this one got the lock.
        if former_status not in ACTIVE:
            return False
        reach(checkpoints.ACTING, request)
        _act(request, actor)
        # After the act: a rectification has an entry of its own, in the name of who asked for it.
        with audited(actor, "privacy_request.fulfilled") as deed:
            if request.status != former_status:
                status = [former_status, str(request.status)]
                deed.about("privacy_request", request.pk, status=status)
        return request.status in CLOSED


def _ids(requests: QuerySet[PrivacyRequest]) -> Iterable[UUID]:
    return requests.values_list("pk", flat=True)


def _try_to_end_cooling(request_id: UUID, now: datetime) -> bool:
    try:
        return end_cooling(request_id, actor=WORKER, now=now)
    except Exception as error:
        _note_fault(request_id, error)
        return False


def _note_fault(request_id: UUID, error: Exception) -> None:
    """Any fault is caught: the other requests must not wait for this one."""
    logger.error("Privacy request %s failed: %s.", request_id, fault_word(error))
    # An outage is no fault of the request, which is tried again in the next run.
    if not is_outage(error):
        set_apart(request_id, fault_word(error))


def _try_to_act(request_id: UUID) -> bool:
    try:
        is_finished = act_on_request(request_id, actor=WORKER)
    except Exception as error:
        _note_fault(request_id, error)
        return False
    succeeded = PrivacyRequest.objects.filter(pk=request_id, failed_at__isnull=False)
    succeeded.update(failed_at=None, failure="", retry_at=None)
    return is_finished


def set_apart(request_id: UUID, fault: str) -> None:
    """Try a request that failed again later; `fault` is a word without any value."""
    request, now = PrivacyRequest.objects.filter(pk=request_id), database_now()
    for attempts in request.values_list("attempts", flat=True):
        request.update(
            attempts=min(attempts + 1, _MAX_ATTEMPTS),
            failed_at=now,
            failure=fault,
            retry_at=now + retry_delay(attempts + 1),
        )


def _act(request: PrivacyRequest, actor: Actor) -> None:
    match request.kind:
        case Kind.ERASURE:
            _act_on_erasure(request, actor)
        case Kind.ACCESS | Kind.PORTABILITY:
            subject = current_subject(request)
            make_archive(request, subject, now=database_now())
            _finish(request, actor, profiles=len(subject.people))
        case Kind.RECTIFICATION:
            _act_on_rectification(request, actor)
        case _:
            # Restrictions and objections took effect when the request was verified.
            _finish(request, actor, profiles=len(current_subject(request).people))


def _act_on_erasure(request: PrivacyRequest, actor: Actor) -> None:
    # Asked first: what is applied from now on waits for the people lock, which the caller holds.
    is_last = is_drained(suppressed_at(request.receipt))
    if request.status == Status.VERIFIED:
        erase(request)
        advance(request, Status.IN_PROGRESS, actor=actor, note="Erased.")
    # Messages accepted before the suppression may have been applied after the first erasure.
    # Once none of them is left, a second one deletes what they brought.
    elif is_last:
        erase(request)
    if is_last:
        held_back = is_held_back(request)
        advance(request, Status.HELD if held_back else Status.DONE, actor=actor)


def _act_on_rectification(request: PrivacyRequest, actor: Actor) -> None:
    subject = current_subject(request)
    if not subject.people:
        advance(request, Status.REFUSED, actor=actor, note="Nobody has these identifiers.")
        return
    changes = request.body["changes"]
    try:
        with transaction.atomic():
            _rectify(request, subject)
    except (ContactNotFree, InvalidCorrection, DataError) as error:
        _leave_to_staff(request, error)
        return
    # The body holds the new values, which nobody needs once they are applied.
    request.body = {}
    request.save(update_fields=["body"])
    _finish(request, actor, profiles=len(subject.people), traits=len(changes))


def _rectify(request: PrivacyRequest, subject: Subject) -> None:
    for person in subject.people:
        rectify(
            person.profile_id,
            request.body["changes"],
            actor=Actor.parse(request.requested_by),
            reason=request.reason or "privacy request",
        )


def _leave_to_staff(request: PrivacyRequest, error: Exception) -> None:
    """Stop trying what can never succeed, and say so where somebody looks."""
    logger.error("Privacy request %s needs staff: %s.", request.pk, type(error).__name__)
    note = "It cannot be carried out as it is; see who has the address, or refuse it."
    advance(request, Status.AWAITING_VERIFICATION, actor=WORKER, note=note)


def _finish(request: PrivacyRequest, actor: Actor, **counts: int) -> None:
    request.receipt |= counts
    request.save(update_fields=["receipt"])
    advance(request, Status.DONE, actor=actor)
