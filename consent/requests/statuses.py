"""The statuses of a privacy request, which follows which, and the log of its steps.

Invariant: a request changes its status in one conditional update, and each change is logged.
"""

from django.utils.translation import gettext

from consent.models import PrivacyRequest, RequestLogEntry
from profiles.lib.database import database_now
from profiles.services import Actor

Kind, Status, Door = PrivacyRequest.Kind, PrivacyRequest.Status, PrivacyRequest.Door
OPEN = (
    Status.RECEIVED,
    Status.AWAITING_VERIFICATION,
    Status.COOLING,
    Status.VERIFIED,
    Status.IN_PROGRESS,
)
ACTIVE = (Status.VERIFIED, Status.IN_PROGRESS)
# In these an erasure keeps whom it is about restricted.
RESTRICTING = (Status.COOLING, *ACTIVE)
# An erasure that a legal hold keeps back was answered: its receipt says what is held, and why.
CLOSED = (Status.HELD, Status.DONE, Status.REFUSED, Status.CANCELLED)
_NEXT_STATUSES = {
    Status.RECEIVED: (
        Status.AWAITING_VERIFICATION,
        Status.COOLING,
        Status.VERIFIED,
        Status.REFUSED,
        Status.CANCELLED,
    ),
    Status.AWAITING_VERIFICATION: (Status.VERIFIED, Status.REFUSED, Status.CANCELLED),
    Status.COOLING: (Status.VERIFIED, Status.CANCELLED),
    Status.VERIFIED: (
        Status.AWAITING_VERIFICATION,
        Status.IN_PROGRESS,
        Status.DONE,
        Status.REFUSED,
    ),
    Status.IN_PROGRESS: (Status.HELD, Status.DONE, Status.REFUSED),
    Status.HELD: (Status.DONE,),
}


class WrongStatus(Exception):
    """The status of the request does not allow this step."""


def advance(request: PrivacyRequest, status: str, *, actor: Actor, note: str = "") -> None:
    """Move a request to the next status and log it.

    Raises WrongStatus if the step is not allowed, or if another caller has moved the request.
    """
    sources = [source for source, targets in _NEXT_STATUSES.items() if status in targets]
    now = database_now()
    done = {"done_at": now} if status in CLOSED else {}
    moved = PrivacyRequest.objects.filter(pk=request.pk, status__in=sources).update(
        status=status, **done
    )
    if moved != 1:
        request.refresh_from_db(fields=["status"])
        words = gettext("A request that is %(status)s cannot become %(target)s.")
        names = {"status": request.get_status_display(), "target": Status(status).label}
        raise WrongStatus(words % names)
    # Only these fields: the caller may have changed others that it saves later.
    request.refresh_from_db(fields=["status", "done_at"])
    write_log(request, actor=actor, note=note)


def write_log(request: PrivacyRequest, *, actor: Actor, note: str = "") -> None:
    """Log the current status of a request."""
    RequestLogEntry.objects.create(
        request=request, status=request.status, actor=str(actor), note=note
    )
