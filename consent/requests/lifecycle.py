"""The steps that staff take with an open request: verifying, refusing, cancelling, extending it.

Invariant: what has taken effect is carried out to its end.
"""

from datetime import datetime

from django.utils.translation import gettext

from consent.models import PrivacyRequest
from consent.requests.effects import take_effect
from consent.requests.statuses import (
    ACTIVE,
    OPEN,
    Kind,
    Status,
    WrongStatus,
    advance,
    write_log,
)
from consent.requests.subjects import current_subject
from profiles.lib.calendar import add_months
from profiles.lib.people_lock import people_lock
from profiles.services import Actor, audited

# These kinds take effect when they are verified; from then on there is only forward.
_IMMEDIATE_KINDS = (Kind.ERASURE, Kind.RESTRICTION, Kind.OBJECTION)


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
        raise ValueError(gettext("A refusal names its article and its reason."))
    with audited(actor, "privacy_request.refused") as deed:
        people_lock()
        request.refresh_from_db(fields=["status"])
        if request.kind in _IMMEDIATE_KINDS and request.status in ACTIVE:
            raise WrongStatus(gettext("What the request asks for has taken effect already."))
        deed.about("privacy_request", request.pk, status=[request.status, Status.REFUSED])
        advance(request, Status.REFUSED, actor=actor, note=f"{article}: {reason}")


def cancel_request(request: PrivacyRequest, *, actor: Actor, note: str = "") -> None:
    """Cancel a request that is not verified yet. Raises WrongStatus."""
    with audited(actor, "privacy_request.cancelled") as deed:
        people_lock()
        request.refresh_from_db(fields=["status"])
        if request.status == Status.COOLING:
            raise WrongStatus(gettext("A request in its cooling-off time is stopped instead."))
        deed.about("privacy_request", request.pk, status=[request.status, Status.CANCELLED])
        advance(request, Status.CANCELLED, actor=actor, note=note)


def extend_request(request: PrivacyRequest, *, actor: Actor, reason: str, now: datetime) -> None:
    """Extend the deadline of an open request by two months, once, before it ends.

    Article 12(3) allows this where a reason is given. Raises WrongStatus, and ValueError if the
    reason is empty.
    """
    if not reason.strip():
        raise ValueError(gettext("An extension has a reason."))
    with audited(actor, "privacy_request.extended") as deed:
        # One conditional update: two callers cannot both extend it.
        extended = PrivacyRequest.objects.filter(
            pk=request.pk, status__in=OPEN, extended_at=None, due_at__gt=now
        ).update(due_at=add_months(request.received_at, 3), extended_at=now)
        if extended != 1:
            words = gettext("Only an open request can be extended, once, within its first month.")
            raise WrongStatus(words)
        former_due_at = request.due_at
        request.refresh_from_db()
        write_log(request, actor=actor, note=reason)
        due_at = [former_due_at.isoformat(), request.due_at.isoformat()]
        deed.about("privacy_request", request.pk, due_at=due_at)


def can_be_refused(request: PrivacyRequest) -> bool:
    """Whether a request is open, does not cool, and has not taken effect."""
    has_taken_effect = request.kind in _IMMEDIATE_KINDS and request.status in ACTIVE
    return request.status in OPEN and request.status != Status.COOLING and not has_taken_effect
