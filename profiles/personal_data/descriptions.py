"""How people are named, and what is said of them: events, traits, accounts."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from profiles.accounts import sql as accounts_sql
from profiles.accounts.reads import portraits_of, stated_of_accounts
from profiles.accounts.records import refold_accounts
from profiles.events import sql as events_sql
from profiles.events.statistics import recompute_stats
from profiles.identity import sql as identity_sql
from profiles.lib.key_store import destroy_keys
from profiles.lib.people_lock import people_lock
from profiles.models import (
    Account,
    AccountMember,
    AccountRecord,
    ComputedValue,
    Event,
    EventStat,
    Identifier,
    SourceRecord,
    SpecialTrait,
    TraitLock,
    TrustLevel,
)
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
from profiles.traces.sweep import sweep_computed, sweep_events, sweep_names, sweep_records
from profiles.traits import sql as traits_sql
from profiles.traits.parties import load_parties
from profiles.traits.special import destroy_unused_keys, opened_correction, special_records


@registry.register
class IdentifierData(PersonalData):
    model = Identifier
    title = "Identifiers"
    spread = "value"
    held_as, held_rows = "identifiers", identity_sql.HELD_IDENTIFIERS
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
    held_as, held_rows = "events", events_sql.HELD_EVENTS
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
    portable_names = ("id", "type", "source")
    _names = {"name__name": "name", "name__kind": "type", "source__key": "source"}

    def read(self, profile_ids: Sequence[int]) -> Rows:
        return by_profile(self._events(profile_ids), renamed=self._names)

    def stream(self, profile_id: int) -> Iterator[Mapping[str, Any]]:
        for event in self._events([profile_id]).iterator(chunk_size=2000):
            del event["profile_id"]
            yield {self._names.get(name, name): value for name, value in event.items()}

    def _events(self, profile_ids: Sequence[int]) -> QuerySet[Event, Any]:
        events: QuerySet[Event, Any] = (
            Event.objects.filter(profile__in=profile_ids)
            .order_by("-timestamp", "-arrival", "-id")
            .values(
                "profile_id",
                "id",
                "timestamp",
                "received_at",
                "properties",
                "context",
                *self._names,
            )
        )
        return events

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
class ComputedValueData(PersonalData):
    model = ComputedValue
    title = "Computed traits"
    spread = "profile_id"
    inferred = ("value",)
    technical = ("profile", "trait")
    phase = ErasurePhase.STATISTICS

    def absorb(self, pairs: Sequence[tuple[int, int]]) -> None:
        # Those of the survivor are computed anew, since it is queued as changed.
        ComputedValue.objects.filter(profile__in=[absorbed for _, absorbed in pairs]).delete()

    def erase(self, person: Person) -> int:
        # Whoever is left is queued as changed, and computed anew.
        return execute_erasure(traits_sql.ERASE_COMPUTED, person)

    def sweep(self, clean: Cleaner, *, before: datetime) -> int:
        return sweep_computed(clean)


@registry.register
class SourceRecordData(PersonalData):
    model = SourceRecord
    title = "What sources say"
    spread = "profile_id"
    held_as, held_rows = "source_records", traits_sql.HELD_RECORDS
    given = ("traits",)
    technical = ("id", "identifier", "profile", "source", "trust", "updated_at")
    portable_names = ("source",)
    phase = ErasurePhase.RECORDS

    def read(self, profile_ids: Sequence[int]) -> Rows:
        rows = (
            SourceRecord.objects.filter(profile__in=profile_ids)
            .order_by("source__key", "identifier_id")
            .values("profile_id", "source_id", "source__key", "trust", "traits", "updated_at")
        )
        parties = load_parties()
        return by_profile(
            {
                "profile_id": row["profile_id"],
                "source": row["source__key"],
                "trust": TrustLevel(row["trust"]).api_name,
                "traits": parties.dated(row["traits"], row["source_id"]),
                "updated_at": row["updated_at"],
            }
            for row in rows
        )

    def move(self, moves: Sequence[IdentifierMove]) -> None:
        execute_moves(traits_sql.MOVE_RECORDS, moves)

    def erase(self, person: Person) -> int:
        return execute_erasure(traits_sql.DELETE_RECORDS, person)

    def sweep(self, clean: Cleaner, *, before: datetime) -> int:
        # Whatever its age: a record holds old values beside the newest.
        return sweep_records(clean)


@registry.register
class SpecialTraitData(PersonalData):
    model = SpecialTrait
    title = "What sources say of special kinds"
    spread = "profile_id"
    technical = ("id", "identifier", "profile", "source", "trust", "key", "sealed", "at", "arrival")
    portable_names = ("source", "traits")
    phase = ErasurePhase.RECORDS

    def read(self, profile_ids: Sequence[int]) -> Rows:
        return by_profile(special_records(profile_ids))

    def move(self, moves: Sequence[IdentifierMove]) -> None:
        execute_moves(traits_sql.MOVE_SPECIAL, moves)

    def erase(self, person: Person) -> int:
        # Not before the rows are gone for sure. Where this is lost, the sweep deletes the keys.
        transaction.on_commit(partial(destroy_keys, person.identifier_ids))
        return execute_erasure(traits_sql.DELETE_SPECIAL, person)

    def sweep(self, clean: Cleaner, *, before: datetime) -> int:
        people_lock()
        destroy_unused_keys()
        # Keys are no rows.
        return 0


@registry.register
class TraitLockData(PersonalData):
    model = TraitLock
    title = "Corrections"
    spread = "profile_id"
    held_as, held_rows = "corrections", traits_sql.HELD_LOCKS
    given = ("key", "value", "reason")
    technical = ("id", "identifier", "profile", "sealed", "actor", "locked_at")
    phase = ErasurePhase.RECORDS

    def read(self, profile_ids: Sequence[int]) -> Rows:
        locks = TraitLock.objects.filter(profile__in=profile_ids).order_by("key")
        return by_profile(
            {
                "profile_id": lock.profile_id,
                "key": lock.key,
                "value": lock.value if lock.sealed is None else opened_correction(lock),
                "reason": lock.reason,
                "locked_at": lock.locked_at,
            }
            for lock in locks
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
    held_as, held_rows = "accounts", accounts_sql.HELD_MEMBERS
    given = ("account", "first_at")
    technical = ("profile", "identifier", "is_vouched")
    portable_names = ("key", "joined_at")
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
    portable_names = ("account", "source")
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
