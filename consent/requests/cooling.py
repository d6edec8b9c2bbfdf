"""The cooling-off time of erasures that staff open: they can be stopped until it is over.

Invariant: while a request cools its people are restricted, and nothing of them is suppressed or
lost. Requests by the person, a service or another company never cool.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.translation import gettext

from consent.models import PrivacyRequest
from consent.requests.effects import release_people, restrict_subject, take_effect
from consent.requests.statuses import Door, Kind, Status, WrongStatus, advance
from consent.requests.subjects import Subject, current_subject
from profiles.lib.people_lock import people_lock
from profiles.services import Actor, audited


def must_cool(kind: str, door: str) -> bool:
    return kind == Kind.ERASURE and door == Door.STAFF and settings.ERASURE_COOLING_HOURS > 0


def begin_cooling(
    request: PrivacyRequest, subject: Subject, *, actor: Actor, now: datetime
) -> None:
    """Restrict the people of a new erasure, which takes effect later.

    The caller holds the people lock.
    """
    request.cooling_until = now + timedelta(hours=settings.ERASURE_COOLING_HOURS)
    request.save(update_fields=["cooling_until"])
    advance(request, Status.COOLING, actor=actor)
    restrict_subject(request, subject)
    request.save(update_fields=["body"])


def stop_request(request: PrivacyRequest, *, actor: Actor, reason: str, now: datetime) -> None:
    """Stop an erasure in its cooling-off time, and lift the restriction that it brought.

    Raises WrongStatus where the time is over, whether or not a worker has seen it yet.
    """
    with audited(actor, "privacy_request.stopped") as deed:
        people_lock()
        request.refresh_from_db(fields=["status", "cooling_until", "body"])
        if request.status != Status.COOLING or is_over(request, now):
            raise WrongStatus(gettext("The time in which it could be stopped is over."))
        deed.about("privacy_request", request.pk, status=[Status.COOLING, Status.CANCELLED])
        advance(request, Status.CANCELLED, actor=actor, note=reason)
        # It is empty where somebody else had restricted them before.
        if request.body.get("restricted"):
            release_people(request)


def is_over(request: PrivacyRequest, now: datetime) -> bool:
    return request.cooling_until is None or request.cooling_until <= now


def end_cooling(request_id: UUID, *, actor: Actor, now: datetime) -> bool:
    """Let an erasure whose cooling-off time is over take effect; return whether it did."""
    with audited(actor, "privacy_request.cooled") as deed:
        people_lock()
        cooled = cooled_requests(now).select_for_update().filter(pk=request_id).first()
        # It was stopped, or another worker was faster.
        if cooled is None:
            return False
        advance(cooled, Status.VERIFIED, actor=actor)
        take_effect(cooled, current_subject(cooled))
        deed.about("privacy_request", cooled.pk, status=[Status.COOLING, Status.VERIFIED])
        return True


def cooled_requests(now: datetime) -> QuerySet[PrivacyRequest]:
    """Return the erasures that are to take effect now."""
    is_due = Q(retry_at=None) | Q(retry_at__lte=now)
    return PrivacyRequest.objects.filter(is_due, status=Status.COOLING, cooling_until__lte=now)
