"""What a request does to people at once: it suppresses, restricts or objects for them.

Invariant: what a verified erasure, restriction or objection forbids is refused by the gate before
the call returns. Callers hold the people lock.
"""

from collections.abc import Collection

from django.db.models import Q, QuerySet

from consent.journal.entries import Act
from consent.ledger.inputs import ConsentInput
from consent.ledger.record import record_many
from consent.ledger.states import standing_refusals
from consent.models import ConsentKind, DecidedBy, Method, PrivacyRequest, State
from consent.requests.statuses import ACTIVE, RESTRICTING, Door, Kind, Status
from consent.requests.subjects import Subject
from consent.suppression.rows import note_references, suppress
from profiles.lib.change_queue import mark_changed, nudge
from profiles.lib.database import database_now
from profiles.models import Identifier, Profile, TrustLevel


def take_effect(request: PrivacyRequest, subject: Subject) -> None:
    """Close the gate where the kind demands it, then leave the rest to a worker."""
    if request.kind == Kind.ERASURE:
        _suppress_subject(request, subject)
        restrict_subject(request, subject)
    elif request.kind == Kind.RESTRICTION:
        restrict_subject(request, subject)
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


def restrict_subject(request: PrivacyRequest, subject: Subject) -> None:
    """Restrict the profiles, and note in the body which were unrestricted but for erasures.

    The erasure of a part of a profile lifts the restriction of what is left if it is noted here.
    """
    unrestricted = Profile.objects.filter(pk__in=subject.profile_ids, is_restricted=False)
    restricted_by_erasures = {
        *unrestricted.values_list("pk", flat=True),
        # Noted when its cooling-off time began.
        *request.body.get("restricted", ()),
        *restricted_by_other_erasures(request, subject.profile_ids),
    }
    request.body["restricted"] = sorted(restricted_by_erasures & set(subject.profile_ids))
    unrestricted.update(is_restricted=True)
    mark_changed(subject.profile_ids)


def restricted_by_other_erasures(request: PrivacyRequest, profile_ids: Collection[int]) -> set[int]:
    """Return those of the profiles that other erasures have restricted and not ended with."""
    # A condition for each, since jsonb has no operator for any of some numbers.
    names_any = Q(pk=None)
    for profile_id in profile_ids:
        names_any |= Q(body__restricted__contains=[profile_id])
    others = PrivacyRequest.objects.filter(names_any, kind=Kind.ERASURE, status__in=RESTRICTING)
    bodies = others.exclude(pk=request.pk).values_list("body", flat=True)
    return {pk for body in bodies for pk in body["restricted"] if pk in profile_ids}


def release_people(request: PrivacyRequest) -> None:
    """Let the people of a request out again whom no other one restricts, as profiles are now."""
    identifiers = Identifier.objects.filter(pk__in=request.identifier_ids, profile__isnull=False)
    profile_ids = set(identifiers.values_list("profile_id", flat=True))
    for profile in Profile.objects.filter(pk__in=profile_ids, is_restricted=True):
        profile.is_restricted = is_restricted_by_request(profile)
        profile.save(update_fields=["is_restricted"])
    mark_changed(pk for pk in profile_ids if pk is not None)


def is_restricted_by_request(profile: Profile) -> bool:
    """Whether a request restricts a profile: a restriction, or an erasure that is not done."""
    identifier_ids = list(profile.identifiers.values_list("pk", flat=True))
    return restricting_requests(identifier_ids).exists()


def restricting_requests(identifier_ids: Collection[int]) -> QuerySet[PrivacyRequest]:
    """Return the requests by which whoever has these identifiers is restricted."""
    restricting = Q(kind=Kind.RESTRICTION, status__in=(*ACTIVE, Status.DONE), lifted_at=None)
    restricting |= Q(kind=Kind.ERASURE, status__in=RESTRICTING)
    return PrivacyRequest.objects.filter(restricting, identifier_ids__overlap=list(identifier_ids))


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
