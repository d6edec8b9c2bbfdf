"""What this app holds about a person: how it is shown, moved between profiles and erased."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import connection

from profiles.events import sql as events_sql
from profiles.events.statistics import recompute_stats
from profiles.identity import sql as identity_sql
from profiles.lib import sql as lib_sql
from profiles.lib.database import array_of
from profiles.models import Event, Identifier, Merge, SourceRecord, TraitLock
from profiles.registry import FieldClass, Holding, IdentifierMove, Person, Rows, registry
from profiles.traits import sql as traits_sql
from profiles.traits.records import recompute_golden

GIVEN, OBSERVED, INFERRED, TECHNICAL = (
    FieldClass.GIVEN,
    FieldClass.OBSERVED,
    FieldClass.INFERRED,
    FieldClass.TECHNICAL,
)


def grouped(rows: Iterable[dict[str, Any]]) -> Rows:
    """Rows by their `profile_id`, which is taken out of them."""
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row.pop("profile_id")].append(row)
    return found


def eraser(statement: str) -> Callable[[Person], int]:
    """Deletes by one statement over %(profile)s and %(identifiers)s, and counts the rows."""

    def erase(person: Person) -> int:
        with connection.cursor() as cursor:
            cursor.execute(
                statement,
                {"profile": person.profile_id, "identifiers": list(person.identifier_ids)},
            )
            return max(cursor.rowcount, 0)

    return erase


def mover(statement: str) -> Callable[[Sequence[IdentifierMove]], None]:
    """Re-attributes rows by one statement over %(identifiers)s, %(origins)s and %(targets)s."""

    def move(moves: Sequence[IdentifierMove]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                statement,
                {
                    "identifiers": array_of(one.identifier_id for one in moves),
                    "origins": array_of(one.origin for one in moves),
                    "targets": array_of(one.target for one in moves),
                },
            )

    return move


def _identifiers(profile_ids: Sequence[int]) -> Rows:
    return grouped(
        Identifier.objects.filter(profile__in=profile_ids)
        .order_by("namespace", "value")
        .values("profile_id", "namespace", "value", "is_vouched", "first_seen_on", "last_seen_on")
    )


def _events(profile_ids: Sequence[int]) -> Rows:
    rows = (
        Event.objects.filter(profile__in=profile_ids)
        .order_by("-timestamp", "-id")
        .values(
            *("profile_id", "id", "timestamp", "received_at", "properties", "context"),
            *("name__name", "name__kind", "source__key"),
        )
    )
    return grouped(
        {
            "name": row.pop("name__name"),
            "type": row.pop("name__kind"),
            "source": row.pop("source__key"),
            **row,
        }
        for row in rows
    )


def _records(profile_ids: Sequence[int]) -> Rows:
    return grouped(
        {"source": row.pop("source__key"), **row}
        for row in SourceRecord.objects.filter(profile__in=profile_ids)
        .order_by("source__key", "identifier_id")
        .values("profile_id", "source__key", "trust", "traits", "updated_at")
    )


def _locks(profile_ids: Sequence[int]) -> Rows:
    return grouped(
        TraitLock.objects.filter(profile__in=profile_ids)
        .order_by("key")
        .values("profile_id", "key", "value", "reason", "locked_at")
    )


def _merges(profile_ids: Sequence[int]) -> Rows:
    return grouped(
        {"profile_id": row.pop("survivor_id"), **row}
        for row in Merge.objects.filter(survivor__in=profile_ids)
        .order_by("-merged_at")
        .values("survivor_id", "absorbed_uuid", "rule", "merged_at")
    )


def _erase_facts(person: Person) -> int:
    eraser(identity_sql.DETACH_FACTS)(person)
    eraser(identity_sql.RELEASE_MERGES)(person)
    return eraser(identity_sql.DELETE_FACTS)(person)


def _erase_merges(person: Person) -> int:
    eraser(identity_sql.DETACH_MERGES)(person)
    return eraser(identity_sql.DELETE_MERGES)(person)


def _erase_stats(person: Person) -> int:
    """Recomputed, since events of identifiers that are not erased may remain."""
    recompute_stats([person.profile_id])
    return 0


def _erase_profile(person: Person) -> int:
    if erased := eraser(identity_sql.DELETE_EMPTY_PROFILE)(person):
        return erased
    recompute_golden([person.profile_id])
    return 0


def _resurvive(pairs: Sequence[tuple[int, int]]) -> None:
    """Merges of a profile that is itself absorbed belong to its survivor from now on."""
    with connection.cursor() as cursor:
        columns = [[survivor for survivor, _ in pairs], [absorbed for _, absorbed in pairs]]
        cursor.execute(identity_sql.PASS_MERGES_TO_SURVIVORS, columns)


registry.declare(
    Holding(
        model="profiles.Identifier",
        title="Identifiers",
        fields={
            **dict.fromkeys(("namespace", "value"), GIVEN),
            **dict.fromkeys(("first_seen_on", "last_seen_on", "since"), OBSERVED),
            **dict.fromkeys(
                ("id", "profile", "component", "is_vouched", "quarantined_at"), TECHNICAL
            ),
        },
        read=_identifiers,
        erase=eraser(identity_sql.DELETE_IDENTIFIERS),
        erase_order=90,
    ),
    Holding(
        model="profiles.Event",
        title="Events",
        fields={
            **dict.fromkeys(
                (
                    "name",
                    "timestamp",
                    "value",
                    "properties",
                    "context",
                    "original_timestamp",
                    "sent_at",
                ),
                OBSERVED,
            ),
            **dict.fromkeys(("id", "profile", "identifier", "source", "received_at"), TECHNICAL),
        },
        read=_events,
        move=mover(events_sql.MOVE_EVENTS),
        erase=eraser(events_sql.DELETE_EVENTS),
        erase_order=20,
    ),
    Holding(
        model="profiles.EventStat",
        title="Event statistics",
        fields={
            **dict.fromkeys(("count", "sum", "first_at", "last_at"), INFERRED),
            **dict.fromkeys(("profile", "name"), TECHNICAL),
        },
        erase=_erase_stats,
        erase_order=30,
    ),
    Holding(
        model="profiles.SourceRecord",
        title="What sources say",
        fields={
            "traits": GIVEN,
            **dict.fromkeys(
                ("id", "identifier", "profile", "source", "trust", "updated_at"), TECHNICAL
            ),
        },
        read=_records,
        move=mover(traits_sql.MOVE_RECORDS),
        erase=eraser(traits_sql.DELETE_RECORDS),
        erase_order=20,
    ),
    Holding(
        model="profiles.TraitLock",
        title="Corrections",
        fields={
            **dict.fromkeys(("key", "value", "reason"), GIVEN),
            **dict.fromkeys(("id", "identifier", "profile", "actor", "locked_at"), TECHNICAL),
        },
        read=_locks,
        move=mover(traits_sql.MOVE_LOCKS),
        erase=eraser(traits_sql.DELETE_LOCKS),
        erase_order=20,
    ),
    Holding(
        model="profiles.IdentityOutcome",
        title="Identity outcomes",
        fields=dict.fromkeys(("id", "fact", "identifier", "wanter", "rule", "day"), TECHNICAL),
        erase=eraser(identity_sql.DELETE_OUTCOMES),
        erase_order=70,
    ),
    Holding(
        model="profiles.IdentityDecision",
        title="Identity decisions",
        fields=dict.fromkeys(
            ("id", "kind", "one", "other", "actor", "reason", "decided_at"), TECHNICAL
        ),
        erase=eraser(identity_sql.DELETE_DECISIONS),
        erase_order=70,
    ),
    Holding(
        model="profiles.Merge",
        title="Merges",
        fields=dict.fromkeys(
            (
                *("id", "survivor", "absorbed_id", "absorbed_uuid", "survivor_identifier_ids"),
                *("absorbed_identifier_ids", "fact", "rule", "actor", "merged_at"),
            ),
            TECHNICAL,
        ),
        read=_merges,
        absorb=_resurvive,
        erase=_erase_merges,
        erase_order=70,
    ),
    Holding(
        model="profiles.IdentityFact",
        title="Identity facts",
        fields=dict.fromkeys(
            ("id", "seq", "digest", "identifier_ids", "source", "trust", "day"), TECHNICAL
        ),
        erase=_erase_facts,
        erase_order=80,
    ),
    Holding(
        model="profiles.ProfileChange",
        title="Changes to evaluate",
        fields=dict.fromkeys(("id", "profile_id", "created_at"), TECHNICAL),
        erase=eraser(lib_sql.DELETE_CHANGES),
        erase_order=95,
    ),
    Holding(
        model="profiles.Profile",
        title="Profile",
        fields={
            "traits": INFERRED,
            **dict.fromkeys(("first_seen_at", "last_seen_at"), OBSERVED),
            **dict.fromkeys(("id", "uuid", "is_restricted", "created_at"), TECHNICAL),
        },
        erase=_erase_profile,
        erase_order=99,
    ),
)
