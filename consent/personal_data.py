"""What this app holds about people: how it is shown, follows identifiers, and is erased or kept."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from itertools import chain
from typing import Any

from django.utils import timezone

from consent.customers.links import address_digest
from consent.ledger.states import current_states, rebuild_states
from consent.models import (
    AccessArchive,
    Confirmation,
    ConsentBody,
    ConsentEvent,
    ConsentState,
    Controller,
    IdempotentAnswer,
    JournalEntry,
    LedgerSeal,
    MailedLink,
    NoticeVersion,
    PrivacyRequest,
    Purpose,
    PurposeVersion,
    RequestLogEntry,
    StatusCallback,
    SubjectRequest,
    Suppression,
    SuppressionKeyCheck,
)
from consent.requests.lifecycle import OPEN, write_log
from consent.suppression.rows import find_suppressed
from profiles.identifiers.lookup import holders_of_identifiers
from profiles.registry import (
    ErasurePhase,
    IdentifierMove,
    Person,
    PersonalData,
    Rows,
    by_profile,
    registry,
)
from profiles.services import Actor


@registry.register
class ConsentEventData(PersonalData):
    model = ConsentEvent
    title = "Consent history"
    given = ("kind", "purpose", "state", "occurred_at", "valid_until", "actor", "method")
    technical = (
        "id",
        "identifier",
        "purpose_version",
        "notice",
        "received_at",
        "trust",
        "source",
        "recorded_by",
        "idempotency_key",
        "reached_identifier_ids",
        "digest",
        "seq",
    )
    kept = (
        "Proof of consent and of its withdrawal (articles 5(2), 7(1) and 17(3)(e)): "
        "rows without a name."
    )

    def read(self, profile_ids: Sequence[int]) -> Rows:
        holders = holders_of_identifiers(profile_ids)
        rows = (
            ConsentEvent.objects.filter(identifier__in=list(holders))
            .order_by("-received_at", "-seq")
            .values(
                "id",
                "kind",
                "state",
                "occurred_at",
                "received_at",
                "valid_until",
                "actor",
                "method",
                "identifier_id",
                "purpose__key",
                "purpose_version__number",
                "body__evidence",
            )
        )
        names = {
            "purpose__key": "purpose",
            "purpose_version__number": "version",
            "body__evidence": "evidence",
        }
        consents = [dict(row, profile_id=holders[row["identifier_id"]]) for row in rows]
        for consent in consents:
            del consent["identifier_id"]
        return by_profile(consents, renamed=names)


@registry.register
class LedgerSealData(PersonalData):
    model = LedgerSeal
    title = "Links of the chain over consents"
    technical = ("number", "event", "seq", "hash", "sealed_at")
    kept = "That the ledger is as it was written (article 5(2)): hashes, and ids of its rows."


@registry.register
class ConsentBodyData(PersonalData):
    model = ConsentBody
    title = "Evidence of consents"
    given = ("evidence",)
    technical = ("event", "salt")
    phase = ErasurePhase.RECORDS

    def erase(self, person: Person) -> int:
        bodies = ConsentBody.objects.filter(event__identifier_id__in=person.identifier_ids)
        return bodies.delete()[0]


@registry.register
class IdempotentAnswerData(PersonalData):
    model = IdempotentAnswer
    title = "Answers kept for retries"
    technical = (
        "id",
        "scope",
        "digest",
        "status",
        "answer",
        "identifier_ids",
        "conflicts",
        "created_at",
    )
    phase = ErasurePhase.RECORDS

    def erase(self, person: Person) -> int:
        answers = IdempotentAnswer.objects.filter(
            identifier_ids__overlap=list(person.identifier_ids)
        )
        return answers.delete()[0]


@registry.register
class ConsentStateData(PersonalData):
    model = ConsentState
    title = "Consents"
    counted_as = "consents"
    spread = "profile_id"
    given = ("state", "decided_at", "valid_until", "is_objected", "objected_at")
    technical = ("profile", "purpose", "version", "updated_at")
    phase = ErasurePhase.STATES

    def read(self, profile_ids: Sequence[int]) -> Rows:
        rows = (
            ConsentState.objects.filter(profile_id__in=profile_ids)
            .order_by("purpose__key")
            .values(
                "profile_id",
                "purpose__key",
                "state",
                "version",
                "decided_at",
                "valid_until",
                "is_objected",
                "objected_at",
            )
        )
        return by_profile(rows, renamed={"purpose__key": "purpose"})

    def portrait(self, profile_ids: Sequence[int]) -> Rows:
        """Every purpose as it stands now, also those on which the person never said anything."""
        states = current_states(profile_ids, at=timezone.now())
        return {
            profile_id: [{"purpose": key} | state for key, state in purposes.items()]
            for profile_id, purposes in states.items()
        }

    def move(self, moves: Sequence[IdentifierMove]) -> None:
        rebuild_states(chain.from_iterable((move.origin, move.target) for move in moves))

    def revouch(self, profile_ids: Collection[int]) -> None:
        # Which grants count depends on who is vouched.
        rebuild_states(profile_ids)

    def absorb(self, pairs: Sequence[tuple[int, int]]) -> None:
        # The survivor is folded again now that the merge is on record; the states of the absorbed
        # profile go, since no ledger row is its own any more.
        rebuild_states(chain.from_iterable(pairs))

    def erase(self, person: Person) -> int:
        states = ConsentState.objects.filter(profile_id=person.profile_id)
        before = states.count()
        rebuild_states([person.profile_id])
        return before - states.count()


@registry.register
class AccessArchiveData(PersonalData):
    model = AccessArchive
    title = "Archives made for the person"
    technical = ("request", "content", "created_at", "expires_at", "fetched_at")
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
    given = ("kind", "body", "reason")
    observed = ("received_at",)
    technical = (
        "id",
        "status",
        "door",
        "identifier_ids",
        "requested_by",
        "due_at",
        "extended_at",
        "done_at",
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

    def erase(self, person: Person) -> int:
        requests = PrivacyRequest.objects.filter(
            identifier_ids__overlap=list(person.identifier_ids)
        )
        # Erasures end by themselves, once everything on its way has been drained.
        others = requests.exclude(kind=PrivacyRequest.Kind.ERASURE)
        for request in others.filter(status__in=OPEN):
            request.status, request.done_at = PrivacyRequest.Status.CANCELLED, timezone.now()
            request.save(update_fields=["status", "done_at"])
            write_log(request, actor=Actor.system("erasure"))
        return others.exclude(body={}, reason="").update(body={}, reason="")


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
class SuppressionData(PersonalData):
    model = Suppression
    title = "Identifiers that must not come back"
    technical = (
        "id",
        "digest",
        "key_id",
        "normaliser_version",
        "created_at",
        "request_id",
        "refusals",
        "lifted_at",
    )
    kept = (
        "So that the next import does not bring an erased person back (articles 5(2) and 21(3)): "
        "keyed hashes, whose key lies outside the database."
    )

    def kept_out(self, references: Collection[str]) -> set[str]:
        return find_suppressed(references)


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


registry.exempt(
    {
        Controller: "Names a company.",
        NoticeVersion: "The words that people are shown.",
        Purpose: "What data are processed for.",
        PurposeVersion: "What a purpose said from a time on.",
        SuppressionKeyCheck: "A known text hashed under each key, to know the key again.",
    }
)
