"""What this app holds about people: how it is shown, moved and erased."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from profiles.accounts import sql as accounts_sql
from profiles.accounts.reads import portraits_of, stated_of_accounts
from profiles.accounts.records import refold_accounts
from profiles.events import sql as events_sql
from profiles.events.statistics import recompute_stats
from profiles.identity import sql as identity_sql
from profiles.lib import sql as lib_sql
from profiles.matching.pairs import delete_proposals, proposals_of
from profiles.models import (
    Account,
    AccountChange,
    AccountMember,
    AccountRecord,
    ApiKey,
    AuditBody,
    AuditEntry,
    ErasedNamespace,
    Event,
    EventName,
    EventStat,
    HealthMeasure,
    Identifier,
    IdentityCaps,
    IdentityCase,
    IdentityDecision,
    IdentityFact,
    IdentityOutcome,
    IdentityRule,
    IdentityRulesVersion,
    MatchModel,
    MatchProposal,
    Merge,
    Profile,
    ProfileChange,
    RulesApplication,
    SeenMessage,
    Source,
    SourceRecord,
    StaffRead,
    TraitDefinition,
    TraitLock,
)
from profiles.reading import reads_of
from profiles.registry import (
    Cleaner,
    ErasurePhase,
    IdentifierMove,
    Person,
    PersonalData,
    Rows,
    by_profile,
    execute_erasure,
    execute_moves,
    registry,
)
from profiles.traces.accounts import sweep_account_keys, sweep_account_records
from profiles.traces.sweep import sweep_events, sweep_names, sweep_records
from profiles.traits import sql as traits_sql
from profiles.traits.records import recompute_golden


@registry.register
class IdentifierData(PersonalData):
    model = Identifier
    title = "Identifiers"
    spread = "value"
    given = ("namespace", "value")
    observed = ("first_seen_on", "last_seen_on", "since")
    technical = (
        "id",
        "profile",
        "component",
        "is_vouched",
        "quarantined_at",
        "released_seq",
        "alone_seq",
    )
    phase = ErasurePhase.IDENTIFIERS

    def read(self, profile_ids: Sequence[int]) -> Rows:
        return by_profile(
            Identifier.objects.filter(profile__in=profile_ids)
            .order_by("namespace", "value")
            .values(
                "profile_id",
                "namespace",
                "value",
                "is_vouched",
                "first_seen_on",
                "last_seen_on",
            )
        )

    def erase(self, person: Person) -> int:
        return execute_erasure(identity_sql.DELETE_IDENTIFIERS, person)


@registry.register
class EventData(PersonalData):
    model = Event
    title = "Events"
    counted_as = "events"
    spread = "profile_id"
    observed = (
        "name",
        "timestamp",
        "value",
        "properties",
        "context",
        "original_timestamp",
        "sent_at",
    )
    technical = ("id", "profile", "identifier", "source", "received_at", "arrival")
    phase = ErasurePhase.RECORDS

    def read(self, profile_ids: Sequence[int]) -> Rows:
        rows = (
            Event.objects.filter(profile__in=profile_ids)
            .order_by("-timestamp", "-arrival", "-id")
            .values(
                "profile_id",
                "id",
                "timestamp",
                "received_at",
                "properties",
                "context",
                "name__name",
                "name__kind",
                "source__key",
            )
        )
        names = {"name__name": "name", "name__kind": "type", "source__key": "source"}
        return by_profile(rows, renamed=names)

    def move(self, moves: Sequence[IdentifierMove]) -> None:
        execute_moves(events_sql.MOVE_EVENTS, moves)

    def erase(self, person: Person) -> int:
        return execute_erasure(events_sql.DELETE_EVENTS, person)

    def sweep(self, clean: Cleaner, *, before: datetime) -> int:
        return sweep_events(clean, before=before) + sweep_names(clean)


@registry.register
class EventStatData(PersonalData):
    model = EventStat
    title = "Event statistics"
    spread = "profile_id"
    inferred = ("count", "sum", "first_at", "last_at")
    technical = ("profile", "name")
    phase = ErasurePhase.STATISTICS

    def erase(self, person: Person) -> int:
        # Events of identifiers that are not erased may remain, and their statistics with them.
        recompute_stats([person.profile_id])
        return 0


@registry.register
class SourceRecordData(PersonalData):
    model = SourceRecord
    title = "What sources say"
    spread = "profile_id"
    given = ("traits",)
    technical = ("id", "identifier", "profile", "source", "trust", "updated_at")
    phase = ErasurePhase.RECORDS

    def read(self, profile_ids: Sequence[int]) -> Rows:
        rows = (
            SourceRecord.objects.filter(profile__in=profile_ids)
            .order_by("source__key", "identifier_id")
            .values("profile_id", "source__key", "trust", "traits", "updated_at")
        )
        return by_profile(rows, renamed={"source__key": "source"})

    def move(self, moves: Sequence[IdentifierMove]) -> None:
        execute_moves(traits_sql.MOVE_RECORDS, moves)

    def erase(self, person: Person) -> int:
        return execute_erasure(traits_sql.DELETE_RECORDS, person)

    def sweep(self, clean: Cleaner, *, before: datetime) -> int:
        # Whatever its age: a record holds old values beside the newest.
        return sweep_records(clean)


@registry.register
class TraitLockData(PersonalData):
    model = TraitLock
    title = "Corrections"
    spread = "profile_id"
    given = ("key", "value", "reason")
    technical = ("id", "identifier", "profile", "actor", "locked_at")
    phase = ErasurePhase.RECORDS

    def read(self, profile_ids: Sequence[int]) -> Rows:
        return by_profile(
            TraitLock.objects.filter(profile__in=profile_ids)
            .order_by("key")
            .values("profile_id", "key", "value", "reason", "locked_at")
        )

    def move(self, moves: Sequence[IdentifierMove]) -> None:
        execute_moves(traits_sql.MOVE_LOCKS, moves)

    def erase(self, person: Person) -> int:
        return execute_erasure(traits_sql.DELETE_LOCKS, person)


@registry.register
class AccountMemberData(PersonalData):
    model = AccountMember
    title = "Accounts"
    spread = "profile_id"
    given = ("account", "first_at")
    technical = ("profile", "identifier", "is_vouched")
    phase = ErasurePhase.RECORDS

    def read(self, profile_ids: Sequence[int]) -> Rows:
        return portraits_of(profile_ids)

    def move(self, moves: Sequence[IdentifierMove]) -> None:
        execute_moves(accounts_sql.MOVE_MEMBERS, moves)

    def erase(self, person: Person) -> int:
        return execute_erasure(accounts_sql.DELETE_MEMBERS, person)


@registry.register
class AccountRecordData(PersonalData):
    model = AccountRecord
    title = "What sources say of accounts"
    given = ("traits", "first_at")
    technical = ("id", "account", "identifier", "source", "trust")
    phase = ErasurePhase.RECORDS

    def read(self, profile_ids: Sequence[int]) -> Rows:
        return stated_of_accounts(profile_ids)

    def erase(self, person: Person) -> int:
        with connection.cursor() as cursor:
            cursor.execute(accounts_sql.DELETE_RECORDS, [list(person.identifier_ids)])
            accounts = [account_id for (account_id,) in cursor.fetchall()]
        refold_accounts(set(accounts))
        return len(accounts)

    def sweep(self, clean: Cleaner, *, before: datetime) -> int:
        return sweep_account_records(clean) + sweep_account_keys(clean)


@registry.register
class AccountData(PersonalData):
    model = Account
    title = "Accounts themselves"
    technical = ("id", "key", "traits", "winners", "is_vouched", "created_at")
    kept = "What others stated of an account; one that nobody else told of is deleted."


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


@registry.register
class ProfileChangeData(PersonalData):
    model = ProfileChange
    title = "Changes to evaluate"
    spread = "profile_id"
    technical = ("id", "profile_id", "kind", "reference", "created_at")
    phase = ErasurePhase.QUEUES

    def erase(self, person: Person) -> int:
        return execute_erasure(lib_sql.DELETE_CHANGES, person)


@registry.register
class ProfileData(PersonalData):
    model = Profile
    title = "Profile"
    spread = "id"
    inferred = ("traits",)
    observed = ("first_seen_at", "last_seen_at")
    technical = ("id", "uuid", "is_restricted", "created_at")
    phase = ErasurePhase.PROFILE

    def erase(self, person: Person) -> int:
        if erased := execute_erasure(identity_sql.DELETE_EMPTY_PROFILE, person):
            return erased
        # Identifiers of somebody else are left: the golden traits are folded from their records.
        recompute_golden([person.profile_id])
        return 0


@registry.register
class AuditEntryData(PersonalData):
    model = AuditEntry
    title = "Who changed what"
    technical = (
        "id",
        "at",
        "actor_kind",
        "actor_id",
        "verb",
        "object_type",
        "object_key",
        "changes",
    )
    kept = (
        "That and when somebody changed something (article 5(2)): without the person whom it was "
        "about, their values, and the reason."
    )


@registry.register
class StaffReadData(PersonalData):
    model = StaffRead
    title = "When staff looked at the data"
    observed = ("at", "page", "depth")
    # Who it was is shown to staff: to the person it would be another person's data.
    technical = ("id", "actor", "person", "people")
    phase = ErasurePhase.RECORDS

    def read(self, profile_ids: Sequence[int]) -> Rows:
        return reads_of(profile_ids)

    def portrait(self, profile_ids: Sequence[int]) -> Rows:
        return {}  # A profile that services ask for is about the person.

    def erase(self, person: Person) -> int:
        return StaffRead.objects.filter(person__in=person.identifier_ids).delete()[0]


@registry.register
class AuditBodyData(PersonalData):
    model = AuditBody
    title = "Whom changes were about, and why"
    technical = ("entry", "identifier", "object_key", "reason")
    phase = ErasurePhase.RECORDS

    def erase(self, person: Person) -> int:
        return AuditBody.objects.filter(identifier__in=person.identifier_ids).delete()[0]


registry.exempt(
    {
        AccountChange: "Names an account, not a person.",
        ApiKey: "Names a service, not a person.",
        ErasedNamespace: "Names a kind of identifiers, not a person.",
        EventName: "A dictionary of what events are called.",
        IdentityCaps: "Configuration of all namespaces.",
        IdentityRule: "Configuration of a namespace.",
        IdentityRulesVersion: "Configuration of all namespaces, as it was.",
        RulesApplication: "How far a change of configuration has come, and who made it.",
        SeenMessage: "Keyed hashes of message ids, kept so that a late repeat is recognised.",
        HealthMeasure: "Shares of many people, without a value of anybody.",
        MatchModel: "Weights learnt from many people, without a value of anybody.",
        Source: "Names a system, not a person.",
        TraitDefinition: "Configuration of a trait, by its key.",
    },
    spread={SeenMessage: "digest"},
)
