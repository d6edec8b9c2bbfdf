"""What people ask for, what answers them, and whom not to take in again."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from django.utils import timezone

from consent.customers.links import address_digest
from consent.holds import sql
from consent.models import (
    AccessArchive,
    Confirmation,
    JournalEntry,
    MailedLink,
    PrivacyRequest,
    RequestLogEntry,
    StatusCallback,
    SubjectRequest,
)
from consent.requests.effects import restricting_requests
from consent.requests.statuses import OPEN, write_log
from profiles.identifiers.lookup import holders_of_identifiers
from profiles.lib.change_queue import mark_changed
from profiles.models import Identifier, Profile
from profiles.registry import (
    ErasurePhase,
    IdentifierMove,
    Person,
    PersonalData,
    Rows,
    registry,
)
from profiles.services import Actor


@registry.register
class AccessArchiveData(PersonalData):
    model = AccessArchive
    title = "Archives made for the person"
    lifetime = "ACCESS_ARCHIVE_DAYS"
    technical = (
        "request",
        "content",
        "created_at",
        "expires_at",
        "fetches",
        "fetched_at",
        "confirmed_at",
    )
    phase = ErasurePhase.RECORDS

    def erase(self, person: Person) -> int:
        archives = AccessArchive.objects.filter(
            request__identifier_ids__overlap=list(person.identifier_ids)
        )
        return archives.delete()[0]


@registry.register
class RequestLogEntryData(PersonalData):
    model = RequestLogEntry
    title = "Steps of privacy requests"
    technical = ("id", "request", "status", "actor", "note", "logged_at")
    phase = ErasurePhase.RECORDS

    def erase(self, person: Person) -> int:
        # The steps and their times stay, since they name nobody; what staff noted goes.
        entries = RequestLogEntry.objects.filter(
            request__identifier_ids__overlap=list(person.identifier_ids)
        )
        return entries.exclude(note="").update(note="")


@registry.register
class PrivacyRequestData(PersonalData):
    model = PrivacyRequest
    title = "Privacy requests"
    held_as, held_rows = "privacy_requests", sql.HELD_REQUESTS
    given = ("kind", "body", "reason")
    observed = ("received_at",)
    technical = (
        "id",
        "status",
        "door",
        "identifier_ids",
        "bulk",
        "owner",
        "answered_at",
        "answered_by",
        "duplicate_of",
        "language",
        "requested_by",
        "due_at",
        "extended_at",
        "done_at",
        "lifted_at",
        "cooling_until",
        "attempts",
        "failed_at",
        "failure",
        "retry_at",
        "idempotency_key",
        "receipt",
    )
    phase = ErasurePhase.REQUESTS
    kept = (
        "That a request was made and answered in time (article 12(3)): kind, times and receipt, "
        "without a name."
    )

    def read(self, profile_ids: Sequence[int]) -> Rows:
        """Return requests; their words only where one profile has all that they name."""
        holders = holders_of_identifiers(profile_ids)
        requests = PrivacyRequest.objects.filter(identifier_ids__overlap=list(holders)).values(
            "id",
            "kind",
            "status",
            "door",
            "body",
            "reason",
            "received_at",
            "due_at",
            "done_at",
            "identifier_ids",
        )
        rows: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for request in requests:
            row = {name: value for name, value in request.items() if name != "identifier_ids"}
            owners = {holders.get(identifier) for identifier in request["identifier_ids"]}
            if len(owners) > 1:
                row |= {"body": {}, "reason": ""}
            for profile_id in owners:
                if profile_id is not None:
                    rows[profile_id].append(dict(row))
        return rows

    def move(self, moves: Sequence[IdentifierMove]) -> None:
        """Let restrictions follow the identifiers that requests name.

        Who gets one of a restricted profile is restricted; who is left without any is no longer.
        """
        origins = {move.origin for move in moves}
        restricted = set(
            Profile.objects.filter(pk__in=origins, is_restricted=True).values_list("pk", flat=True)
        )
        moved = {move.identifier_id: move.target for move in moves if move.origin in restricted}
        if not moved:
            return
        _release_left(restricted, moves)
        held = {
            pk
            for ids in restricting_requests(moved).values_list("identifier_ids", flat=True)
            for pk in ids
        }
        targets = {target for pk, target in moved.items() if pk in held}
        Profile.objects.filter(pk__in=targets, is_restricted=False).update(is_restricted=True)

    def erase(self, person: Person) -> int:
        requests = PrivacyRequest.objects.filter(
            identifier_ids__overlap=list(person.identifier_ids)
        )
        # Open erasures end by themselves, once everything on its way has been drained.
        others = requests.exclude(kind=PrivacyRequest.Kind.ERASURE, status__in=OPEN)
        for request in others.filter(status__in=OPEN):
            request.status, request.done_at = PrivacyRequest.Status.CANCELLED, timezone.now()
            request.save(update_fields=["status", "done_at"])
            write_log(request, actor=Actor.system("erasure"))
        return others.exclude(body={}, reason="").update(body={}, reason="")


def _release_left(restricted: Collection[int], moves: Sequence[IdentifierMove]) -> None:
    """End the restriction of profiles of which no identifier is left that a request names."""
    gone = {move.identifier_id for move in moves if move.origin in restricted}
    released = []
    for pk in sorted(restricted):
        stored = Identifier.objects.filter(profile_id=pk).values_list("pk", flat=True)
        gained = {move.identifier_id for move in moves if move.target == pk}
        # Whether or not the identifiers are stored with their new holders already.
        if not restricting_requests({*stored} - gone | gained).exists():
            released.append(pk)
    Profile.objects.filter(pk__in=released).update(is_restricted=False)
    mark_changed(released)


@registry.register
class MailedLinkData(PersonalData):
    model = MailedLink
    title = "Mailed links"
    technical = (
        "id",
        "token_digest",
        "address_digest",
        "identifier_id",
        "created_at",
        "sent_at",
        "expires_at",
        "used_at",
        "language",
        "session_digest",
        "session_expires_at",
    )
    phase = ErasurePhase.RECORDS

    def erase(self, person: Person) -> int:
        links = MailedLink.objects.filter(identifier_id__in=person.identifier_ids)
        unused = links.filter(used_at=None).delete()[0]
        # A session that is open may still watch its erasure, with nothing in it that names anybody.
        links.update(address_digest="")
        return unused


@registry.register
class ConfirmationData(PersonalData):
    model = Confirmation
    title = "Mailed confirmations"
    technical = (
        "id",
        "kind",
        "token_digest",
        "address_digest",
        "sealed_address",
        "language",
        "purpose_ids",
        "notice",
        "request_id",
        "identifier_id",
        "requested_by",
        "created_at",
        "sent_at",
        "expires_at",
        "used_at",
    )
    phase = ErasurePhase.RECORDS

    def erase(self, person: Person) -> int:
        addresses = (ref.partition(":")[2] for ref in person.references if ref.startswith("email:"))
        digests = [address_digest(address) for address in addresses]
        return Confirmation.objects.filter(address_digest__in=digests).delete()[0]


@registry.register
class JournalEntryData(PersonalData):
    model = JournalEntry
    title = "What the privacy journal is given"
    technical = ("id", "seq", "line", "created_at")
    kept = (
        "So that no restored backup undoes what was asked for (articles 5(2), 7(3) and 17): keyed "
        "hashes, whose key lies outside the database, until the next line has its number."
    )


@registry.register
class SubjectRequestData(PersonalData):
    model = SubjectRequest
    title = "Requests passed on by other companies"
    technical = (
        "id",
        "controller",
        "subject_request_id",
        "request",
        "body_digest",
        "regulation",
        "received_at",
        "expected_at",
        "callback_urls",
        "announced_entry",
    )
    kept = (
        "That a controller's request was answered (article 28(3)(e)): its id, times and a keyed "
        "hash of what was sent, without a name."
    )


@registry.register
class StatusCallbackData(PersonalData):
    model = StatusCallback
    title = "Callbacks to other companies"
    lifetime = 30
    technical = (
        "id",
        "subject_request",
        "url",
        "status",
        "created_at",
        "attempts",
        "retry_at",
        "delivered_at",
        "abandoned_at",
        "failure",
    )
    kept = "That a controller was told how its request stands; nobody is named. 30 days."
