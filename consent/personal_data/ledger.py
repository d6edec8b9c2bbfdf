"""What people permit: the ledger and what it comes to."""

from collections.abc import Collection, Sequence
from itertools import chain

from django.utils import timezone

from consent.ledger import sql
from consent.ledger.states import current_states, rebuild_states
from consent.models import (
    ConsentBody,
    ConsentEvent,
    ConsentState,
    IdempotentAnswer,
    LedgerPruning,
    LedgerSeal,
    PrunedLink,
)
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
    lifetime = "PROOF_DAYS"
    lifetime_of = "Consents of the erased, from the erasure on"
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
class LedgerPruningData(PersonalData):
    model = LedgerPruning
    title = "What was pruned of the ledger"
    technical = ("id", "statement")


@registry.register
class PrunedLinkData(PersonalData):
    model = PrunedLink
    title = "Links of the chain without a consent"
    technical = ("number", "pruning")


@registry.register
class ConsentBodyData(PersonalData):
    model = ConsentBody
    title = "Evidence of consents"
    held_as, held_rows = "consent_evidence", sql.HELD_EVIDENCE
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
    lifetime = 30
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
