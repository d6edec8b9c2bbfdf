"""Requests about many people, which staff open at once and a second person approves.

Invariant: above `SECOND_PERSON_ABOVE` people nothing happens to anybody before somebody else has
approved it, or the glass was broken, which officers are told. Requests of people themselves never
wait for it.
"""

import logging
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce
from django.utils.translation import gettext

from consent.models import BulkRequest, PrivacyRequest
from consent.requests.opening import NewRequest, open_request
from consent.requests.statuses import WrongStatus
from profiles.lib.change_queue import nudge
from profiles.lib.faults import fault_word
from profiles.models import Identifier
from profiles.services import Actor, SamePerson, are_one_person, audited

logger = logging.getLogger(__name__)
Kind, State = PrivacyRequest.Kind, BulkRequest.State
BULK_KINDS = (Kind.ERASURE, Kind.ACCESS, Kind.PORTABILITY)
MOST_PEOPLE = 10_000
_GOING_ON = (State.NOT_NEEDED, State.APPROVED, State.BROKEN_GLASS)
_AT_ONCE = 100


def open_bulk(
    kind: str, person_ids: Collection[int], *, reason: str, actor: Actor, now: datetime
) -> BulkRequest:
    """Ask for requests of one kind about many people, by the identifiers with their public UUIDs.

    Raises ValueError without people or reason, and for another kind or too many people.
    """
    if kind not in BULK_KINDS or not reason.strip() or not 0 < len(person_ids) <= MOST_PEOPLE:
        raise ValueError(gettext("It has a kind, a reason, and 1 to 10,000 people."))
    is_waiting = len(person_ids) > settings.SECOND_PERSON_ABOVE
    with audited(actor, "bulk_request.opened") as deed:
        bulk = BulkRequest.objects.create(
            kind=kind,
            reason=reason,
            person_ids=list(dict.fromkeys(person_ids)),
            state=State.OPEN if is_waiting else State.NOT_NEEDED,
            requested_by=str(actor),
            requested_at=now,
        )
        people = [None, len(bulk.person_ids)]
        deed.about("bulk_request", bulk.pk, kind=[None, kind], people=people)
    nudge("consent.act_on_requests")
    return bulk


def approve_bulk(bulk: BulkRequest, *, actor: Actor, reason: str, now: datetime) -> None:
    """Approve what somebody else asked for. Raises SamePerson and WrongStatus."""
    if are_one_person(Actor.parse(bulk.requested_by), actor):
        raise SamePerson(gettext("Somebody else has to approve it."))
    _decide(bulk, State.APPROVED, "bulk_request.approved", actor, reason, now)


def decline_bulk(bulk: BulkRequest, *, actor: Actor, reason: str, now: datetime) -> None:
    """Decline it; who asked for it may do so too. Raises WrongStatus."""
    _decide(bulk, State.DECLINED, "bulk_request.declined", actor, reason, now)


def break_glass(bulk: BulkRequest, *, actor: Actor, reason: str, now: datetime) -> None:
    """Go on without a second person, for a reason; officers are told.

    Raises WrongStatus, and ValueError without a reason.
    """
    if not reason.strip():
        raise ValueError(gettext("Say why no second person can approve it."))
    _decide(bulk, State.BROKEN_GLASS, "bulk_request.glass_broken", actor, reason, now)


def carry_out_bulks() -> int:
    """Open the requests of what may go on; return how many were gone through.

    May run twice and at once: each request is opened under a key of its own.
    """
    going_on = BulkRequest.objects.filter(
        state__in=_GOING_ON, opened__lt=Coalesce(F("person_ids__len"), 0)
    )
    return sum(_carry_out(bulk) for bulk in going_on)


def waiting_bulks() -> QuerySet[BulkRequest]:
    """Return what waits for a second person, the oldest first."""
    return BulkRequest.objects.filter(state=State.OPEN).order_by("requested_at")


def requests_of(bulk: BulkRequest) -> QuerySet[PrivacyRequest]:
    return PrivacyRequest.objects.filter(bulk=bulk).order_by("received_at")


def _decide(
    bulk: BulkRequest, state: str, verb: str, actor: Actor, reason: str, now: datetime
) -> None:
    with audited(actor, verb, reason=reason) as deed:
        # One conditional update: two people cannot both decide.
        decided = BulkRequest.objects.filter(pk=bulk.pk, state=State.OPEN).update(
            state=state, decided_by=str(actor), decided_at=now, decision_reason=reason
        )
        if decided != 1:
            raise WrongStatus(gettext("It was decided already."))
        deed.about("bulk_request", bulk.pk, state=[State.OPEN, state])
    bulk.refresh_from_db()
    nudge("consent.act_on_requests")


def _carry_out(bulk: BulkRequest) -> int:
    waiting = bulk.person_ids[bulk.opened :]
    for first in range(0, len(waiting), _AT_ONCE):
        part = waiting[first : first + _AT_ONCE]
        try:
            _open_all(bulk, part)
        except Exception as error:
            # Any fault is caught: other bulks must not wait for this one, which is tried again.
            logger.error("Bulk request %s failed: %s.", bulk.pk, fault_word(error))
            return first
        # Another worker may be further already.
        passed = bulk.opened + first + len(part)
        BulkRequest.objects.filter(pk=bulk.pk, opened__lt=passed).update(opened=passed)
    return len(waiting)


def _open_all(bulk: BulkRequest, person_ids: Collection[int]) -> None:
    # Who was erased in between has no identifier any more.
    people = Identifier.objects.filter(pk__in=person_ids, profile__isnull=False)
    for pk, uuid in people.order_by("pk").values_list("pk", "value"):
        open_request(
            _new_request(bulk, pk, UUID(uuid)),
            door=PrivacyRequest.Door.STAFF,
            actor=Actor.parse(bulk.requested_by),
        )


def _new_request(bulk: BulkRequest, person_id: int, uuid: UUID) -> NewRequest:
    return NewRequest(
        kind=bulk.kind,
        references=(f"profile:{uuid}",),
        reason=bulk.reason,
        idempotency_key=f"bulk:{bulk.pk}:{person_id}",
        bulk_id=bulk.pk,
    )
