"""The page of one privacy request: what it is about, its steps, and which may be taken now."""

import json
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext

from consent.admin.desk.board import needs_answer
from consent.admin.desk.casework import CHECKS
from consent.admin.desk.opening import count_rows
from consent.models import AccessArchive, PrivacyRequest
from consent.requests.archives.fetching import MOST_FETCHES
from consent.requests.cooling import is_over
from consent.requests.lifecycle import can_be_refused
from consent.requests.statuses import CLOSED
from consent.services import duplicates_of, is_restriction_in_effect, time_left, waiting_archives
from profiles.admin.kit.base import staff_actor
from profiles.admin.kit.masks import PERMISSION as SEE_CONTACTS
from profiles.admin.kit.masks import Mask
from profiles.admin.kit.people import display_name
from profiles.models import Identifier, Profile, StaffRead
from profiles.services import actor_names, note_reads, persons_of

MOST_SHOWN = 20
# What the store itself notes in logs, in English; the page says it in the language of the user.
STORED_NOTES = frozenset(
    {
        "The identifiers are vouched for.",
        "Other identifiers of the profile are not proven to be the customer's.",
        "Customers correct alone what they gave; the rest, and new contacts, need a proof.",
        "Erased.",
        "Nobody has these identifiers.",
        "It cannot be carried out as it is; see who has the address, or refuse it.",
        "The new address was proved; see who else has it.",
        "The new address was proved.",
        "The controller vouches for it.",
        "The controller cancelled it.",
    }
)
ACT = "consent.change_privacyrequest"
Status = PrivacyRequest.Status


def page_context(request: HttpRequest, privacy_request: Any) -> dict[str, Any]:
    """Return what the template shows of a request; it has the user's `mask`."""
    mask = privacy_request.mask
    people = list(profiles_of(privacy_request)[:MOST_SHOWN])
    persons = persons_of(people)
    note_reads(persons, StaffRead.Page.REQUEST, reader=staff_actor(request), is_open=mask.is_open)
    archive = AccessArchive.objects.defer("content").filter(request=privacy_request).first()
    log = list(privacy_request.log.all())
    names = actor_names([privacy_request.requested_by, *(entry.actor for entry in log)])
    return {
        "title": str(privacy_request),
        "privacy_request": privacy_request,
        "urgency": time_left(privacy_request),
        "log": [(entry, _in_words(entry.note), names[entry.actor]) for entry in log],
        "requested_by": names[privacy_request.requested_by],
        "receipt": formatted_json(privacy_request.receipt),
        "body": formatted_json(_body(privacy_request)),
        "people": [_person(profile, mask) for profile in people],
        "checks": _checks(privacy_request),
        "files": privacy_request.attachments.defer("content"),
        "duplicates": list(duplicates_of(privacy_request)[:MOST_SHOWN])
        if privacy_request.status not in CLOSED
        else [],
        "needs_answer": needs_answer(privacy_request),
        "user_id": request.user.pk,
        "archive": archive,
        "can_be_fetched": waiting_archives(timezone.now()).filter(request=privacy_request).exists(),
        "most_fetches": MOST_FETCHES,
        "may": permitted_steps(request, privacy_request),
    }


def permitted_steps(request: HttpRequest, privacy_request: PrivacyRequest) -> dict[str, bool]:
    """Return which buttons to show, by the status of the request and the user's permissions."""
    may_act = request.user.has_perm(ACT)
    status = privacy_request.status
    is_unverified = status in (Status.RECEIVED, Status.AWAITING_VERIFICATION)
    can_be_stopped = status == Status.COOLING and not is_over(privacy_request, timezone.now())
    can_be_extended = status not in CLOSED and privacy_request.extended_at is None
    return {
        "verify": may_act and is_unverified,
        "refuse": may_act and can_be_refused(privacy_request),
        "cancel": may_act and is_unverified,
        "stop": may_act and can_be_stopped,
        "lift": may_act and is_restriction_in_effect(privacy_request),
        "extend": may_act and can_be_extended,
        "act": may_act and status in (Status.VERIFIED, Status.IN_PROGRESS),
        "work": may_act,
        "letter": may_act and request.user.has_perm(SEE_CONTACTS),
        "answer": may_act and status in CLOSED and privacy_request.answered_at is None,
        "archive": may_act and request.user.has_perm(SEE_CONTACTS),
    }


def profiles_of(privacy_request: PrivacyRequest) -> QuerySet[Profile]:
    """Return the profiles that now have the identifiers of a request."""
    identifiers = Identifier.objects.filter(pk__in=privacy_request.identifier_ids)
    return Profile.objects.filter(pk__in=identifiers.values("profile_id"))


def _in_words(note: str) -> str:
    return gettext(note) if note in STORED_NOTES else note


def _person(profile: Profile, mask: Mask) -> dict[str, Any]:
    return {
        "profile": profile,
        "name": display_name(profile.traits, mask),
        "counts": count_rows(profile),
    }


def _checks(privacy_request: Any) -> list[tuple[Any, str]]:
    """Return each check of identity with what it showed, empty where it was not made."""
    made = privacy_request.body.get("checks", {})
    mask = privacy_request.mask
    return [(label, str(mask.tree(made.get(check, "")))) for check, label in CHECKS]


def _body(privacy_request: Any) -> Any:
    mask = privacy_request.mask
    body = mask.tree({"reason": privacy_request.reason, **privacy_request.body})
    # It has a card of its own.
    body.pop("checks", None)
    # These two consist of identifiers and traits, so masking single values is not enough.
    if not mask.is_open:
        body.pop("references", None)
        body.pop("changes", None)
    return body


def formatted_json(value: Any) -> str:
    """Return a value as indented JSON, or nothing where it is empty."""
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2) if value else ""
