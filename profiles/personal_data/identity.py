"""Who is who: facts and what they did, verdicts, cases, proposals, merges."""

from collections.abc import Sequence

from django.db import connection

from profiles.identity import sql as identity_sql
from profiles.matching.pairs import delete_proposals, proposals_of
from profiles.models import (
    IdentityCase,
    IdentityDecision,
    IdentityFact,
    IdentityOutcome,
    MatchProposal,
    Merge,
)
from profiles.registry import (
    ErasurePhase,
    Person,
    PersonalData,
    Rows,
    by_profile,
    execute_erasure,
    registry,
)


@registry.register
class IdentityOutcomeData(PersonalData):
    model = IdentityOutcome
    title = "Identity outcomes"
    technical = ("id", "fact", "identifier", "wanter", "rule", "day")
    phase = ErasurePhase.IDENTITY_EVIDENCE

    def erase(self, person: Person) -> int:
        return execute_erasure(identity_sql.DELETE_OUTCOMES, person)


@registry.register
class IdentityDecisionData(PersonalData):
    model = IdentityDecision
    title = "Identity decisions"
    technical = (
        "id",
        "uuid",
        "verdict",
        "one",
        "other",
        "survivor",
        "is_of_staff",
        "actor",
        "reason",
        "decided_at",
        "ended_at",
    )
    phase = ErasurePhase.IDENTITY_EVIDENCE

    def erase(self, person: Person) -> int:
        return execute_erasure(identity_sql.DELETE_DECISIONS, person)


@registry.register
class IdentityCaseData(PersonalData):
    model = IdentityCase
    title = "Identifiers in question"
    technical = (
        "id",
        "uuid",
        "identifier",
        "kind",
        "refusals",
        "first_day",
        "last_day",
        "last_fact",
        "state",
        "answer",
        "postponed_at",
        "answered_at",
        "actor",
    )
    phase = ErasurePhase.IDENTITY_EVIDENCE

    def erase(self, person: Person) -> int:
        return IdentityCase.objects.filter(identifier__in=person.identifier_ids).delete()[0]


@registry.register
class MatchProposalData(PersonalData):
    model = MatchProposal
    title = "Likenesses with other people"
    inferred = ("probability", "prior", "weights")
    technical = (
        "id",
        "uuid",
        "one",
        "other",
        "state",
        "scored_at",
        "postponed_at",
        "answered_at",
        "actor",
    )
    phase = ErasurePhase.IDENTITY_EVIDENCE

    def read(self, profile_ids: Sequence[int]) -> Rows:
        return proposals_of(profile_ids)

    def erase(self, person: Person) -> int:
        return delete_proposals(person.profile_id, person.identifier_ids)


@registry.register
class MergeData(PersonalData):
    model = Merge
    title = "Merges"
    technical = (
        "id",
        "survivor",
        "absorbed_id",
        "absorbed_uuid",
        "survivor_identifier_ids",
        "absorbed_identifier_ids",
        "fact",
        "rule",
        "actor",
        "merged_at",
        "undone_at",
    )
    phase = ErasurePhase.IDENTITY_EVIDENCE

    def read(self, profile_ids: Sequence[int]) -> Rows:
        rows = (
            Merge.objects.standing()
            .filter(survivor__in=profile_ids)
            .order_by("-merged_at")
            .values("survivor_id", "absorbed_uuid", "rule", "merged_at")
        )
        return by_profile(rows, profile="survivor_id")

    def absorb(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Earlier merges of an absorbed profile belong to its survivor from now on."""
        survivors = [survivor for survivor, _ in pairs]
        absorbed = [absorbed for _, absorbed in pairs]
        with connection.cursor() as cursor:
            cursor.execute(identity_sql.PASS_MERGES_TO_SURVIVORS, [survivors, absorbed])

    def erase(self, person: Person) -> int:
        # A merge of a part that remains goes on keeping its two sides apart for the consents.
        execute_erasure(identity_sql.DETACH_MERGES, person)
        return execute_erasure(identity_sql.DELETE_MERGES, person)


@registry.register
class IdentityFactData(PersonalData):
    model = IdentityFact
    title = "Identity facts"
    technical = ("seq", "digest", "identifier_ids", "source", "trust", "day", "judged_by")
    phase = ErasurePhase.FACTS

    def erase(self, person: Person) -> int:
        # A fact that names other people too stays theirs, without this person's identifiers.
        execute_erasure(identity_sql.DETACH_FACTS, person)
        execute_erasure(identity_sql.RELEASE_MERGES, person)
        return execute_erasure(identity_sql.DELETE_FACTS, person)
