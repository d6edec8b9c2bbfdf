"""Going on with erasures that a legal hold kept back, once it is lifted.

Invariant: a hold is settled in one transaction under the people lock, with the requests that it
kept back. So it may be tried twice, at once, or be killed at any line.
"""

import logging
from uuid import UUID

from django.db import transaction

from consent.holds.rows import held_summary, holds_on, is_held_back, settle
from consent.lib import checkpoints
from consent.models import LegalHold, PrivacyRequest
from consent.requests.statuses import Status, advance
from profiles.lib.checkpoints import reach
from profiles.lib.database import database_now
from profiles.lib.faults import fault_word
from profiles.lib.people_lock import people_lock
from profiles.services import Actor, audited

logger = logging.getLogger(__name__)
WORKER = Actor.system("worker")


def resume_held_back() -> int:
    """Delete what lifted holds kept, and return how many erasures are whole by that."""
    lifted = LegalHold.objects.filter(lifted_at__isnull=False, settled_at=None)
    return sum(_try_to_settle(pk) for pk in list(lifted.values_list("pk", flat=True)))


def _try_to_settle(hold_id: UUID) -> int:
    try:
        return _settle(hold_id)
    except Exception as error:
        # Any fault is caught: the other holds must not wait for this one, which is tried again.
        logger.error("Legal hold %s was not settled: %s.", hold_id, fault_word(error))
        return 0


def _settle(hold_id: UUID) -> int:
    with transaction.atomic():
        people_lock()
        hold = LegalHold.objects.select_for_update().get(pk=hold_id)
        if hold.settled_at is not None:
            return 0
        requests = _kept_back_by(hold)
        released = settle(hold, now=database_now())
        reach(checkpoints.SETTLING, hold)
        return sum(_go_on(request, released) for request in requests)


def _kept_back_by(hold: LegalHold) -> list[PrivacyRequest]:
    """Return the erasures that wait for this hold, read before its identifiers are forgotten."""
    waiting = PrivacyRequest.objects.select_for_update().filter(status=Status.HELD)
    return [request for request in waiting if holds_on(request).filter(pk=hold.pk).exists()]


def _go_on(request: PrivacyRequest, released: dict[str, int]) -> bool:
    """Write into the receipt what went, and end the erasure unless another hold keeps it back."""
    request.receipt.pop("held", None)
    if held := held_summary(request):
        request.receipt["held"] = held
    before = request.receipt.get("released", {})
    request.receipt["released"] = {
        store: before.get(store, 0) + released.get(store, 0)
        for store in sorted(before.keys() | released.keys())
    }
    request.save(update_fields=["receipt"])
    if is_held_back(request):
        return False
    with audited(WORKER, "privacy_request.fulfilled") as deed:
        deed.about("privacy_request", request.pk, status=[request.status, Status.DONE])
        advance(request, Status.DONE, actor=WORKER, note="The legal hold was lifted.")
    return True
