"""Casework on a request: its owner, notes, checks of identity, the answer, and duplicates.

Invariant: none of it changes what happens to the person; each leaves an entry in the log.
"""

from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.utils.translation import gettext

from consent.models import PrivacyRequest
from consent.requests.cooling import stop_request
from consent.requests.lifecycle import can_be_refused
from consent.requests.statuses import CLOSED, Status, WrongStatus, advance, write_log
from profiles.lib.people_lock import people_lock
from profiles.services import Actor, audited

# Checks by which staff know who somebody is. Copies of documents are never kept.
CHECKS = ("mail_link", "called_back", "knows_facts", "document_seen")


def assign_request(request: PrivacyRequest, owner: User | None, *, actor: Actor) -> None:
    """Give a request to a member of staff, or to nobody."""
    with audited(actor, "privacy_request.assigned") as deed:
        owners = [request.owner_id, owner and owner.pk]
        PrivacyRequest.objects.filter(pk=request.pk).update(owner=owner)
        deed.about("privacy_request", request.pk, owner=owners)
    request.owner = owner


def add_note(request: PrivacyRequest, text: str, *, actor: Actor) -> None:
    """Add a note to the log, which an erasure of the person empties."""
    if not text.strip():
        raise ValueError(gettext("The note is empty."))
    with audited(actor, "privacy_request.noted") as deed:
        write_log(request, actor=actor, note=text)
        deed.about("privacy_request", request.pk)


def note_check(request: PrivacyRequest, check: str, text: str, *, actor: Actor) -> None:
    """Note what shows who the person is; `check` is one of `CHECKS`."""
    if check not in CHECKS or not text.strip():
        raise ValueError(gettext("Say what was asked, and what it showed."))
    with audited(actor, "privacy_request.checked") as deed:
        row = PrivacyRequest.objects.select_for_update().get(pk=request.pk)
        row.body["checks"] = row.body.get("checks", {}) | {check: text}
        row.save(update_fields=["body"])
        write_log(row, actor=actor, note=text)
        deed.about("privacy_request", request.pk, check=[None, check])
    request.body = row.body


def answer_request(request: PrivacyRequest, means: str, *, actor: Actor, now: datetime) -> None:
    """Record that the person was told how it ended, once. Raises WrongStatus."""
    with audited(actor, "privacy_request.answered") as deed:
        answered = PrivacyRequest.objects.filter(
            pk=request.pk, answered_at=None, status__in=CLOSED
        ).update(answered_at=now, answered_by=means)
        if answered != 1:
            raise WrongStatus(gettext("Only a closed request is answered, once."))
        request.refresh_from_db(fields=["answered_at", "answered_by", "status"])
        write_log(request, actor=actor, note=request.get_answered_by_display())
        deed.about("privacy_request", request.pk, answered_by=[None, means])


def duplicates_of(request: PrivacyRequest) -> QuerySet[PrivacyRequest]:
    """Return the other open requests of the same kind about any of the same identifiers."""
    is_same = Q(identifier_ids__overlap=request.identifier_ids)
    for reference in request.body.get("references", ()):
        is_same |= Q(body__references__contains=[reference])
    others = PrivacyRequest.objects.filter(is_same, kind=request.kind).exclude(pk=request.pk)
    return others.exclude(status__in=CLOSED).order_by("received_at")


def close_as_duplicate(
    request: PrivacyRequest, original: PrivacyRequest, *, actor: Actor, now: datetime
) -> None:
    """Close a request that repeats an open one, with a pointer to it.

    Raises WrongStatus where it has taken effect, or where the other is no such request.
    """
    with audited(actor, "privacy_request.duplicate") as deed:
        people_lock()
        request.refresh_from_db()
        if not duplicates_of(request).filter(pk=original.pk).exists():
            raise WrongStatus(gettext("The other one is not open, or about somebody else."))
        _close(request, actor, now)
        PrivacyRequest.objects.filter(pk=request.pk).update(duplicate_of=original)
        deed.about("privacy_request", request.pk, duplicate_of=[None, str(original.pk)])
    request.duplicate_of = original


def _close(request: PrivacyRequest, actor: Actor, now: datetime) -> None:
    note = gettext("It repeats another request.")
    if request.status == Status.COOLING:
        stop_request(request, actor=actor, reason=note, now=now)
    elif request.status in (Status.RECEIVED, Status.AWAITING_VERIFICATION):
        advance(request, Status.CANCELLED, actor=actor, note=note)
    elif can_be_refused(request):
        advance(request, Status.REFUSED, actor=actor, note=note)
    else:
        raise WrongStatus(gettext("What the request asks for has taken effect already."))
