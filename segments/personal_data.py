"""What this app holds about a person: how it is shown, let go on merge, and erased."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import connection

from profiles.lib.change_queue import mark_changed
from profiles.models import Merge, Profile
from profiles.registry import FieldClass, Holding, Person, Rows, registry
from segments.memberships import sql
from segments.memberships.locks import lock_slots
from segments.models import Membership, MembershipChange

INFERRED, TECHNICAL = FieldClass.INFERRED, FieldClass.TECHNICAL
# Before anything else of the person goes: from then on no refresh can let him in again.
FIRST = 1
# After the profile itself: what is left then stays.
LAST = 100


def _memberships(profile_ids: Sequence[int]) -> Rows:
    return _grouped(
        Membership.objects.filter(profile_id__in=profile_ids)
        .order_by("segment__key")
        .values("profile_id", "segment__key", "segment__name", "entered_at")
    )


def _changes(profile_ids: Sequence[int]) -> Rows:
    return _grouped(
        MembershipChange.objects.filter(profile_id__in=profile_ids)
        .order_by("-changed_at", "-id")
        .values(
            "profile_id", "segment__key", "segment__name", "changed_at", "has_entered", "reason"
        )
    )


def _grouped(rows: Iterable[dict[str, Any]]) -> Rows:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        named = {"key": row.pop("segment__key"), "name": row.pop("segment__name")}
        found[row.pop("profile_id")].append(named | row)
    return found


def _absorb(pairs: Sequence[tuple[int, int]]) -> None:
    """Memberships do not move. An absorbed profile is evaluated like any other: being gone, it leaves with reason merge."""
    mark_changed(profile for pair in pairs for profile in pair)


def _erase_memberships(person: Person) -> int:
    """Under the slots of the person, so that no refresh that began before writes a membership after."""
    profiles = _names_of(person)
    lock_slots({profile % sql.SLOTS for profile in profiles})
    found = Membership.objects.filter(profile_id__in=profiles)
    segments = list(found.values_list("segment_id", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(sql.LOCK_SEGMENTS, [segments])
        cursor.execute(sql.ERASE_MEMBERSHIPS, [profiles])
    return len(segments)


def _erase_rows(statement: str) -> Callable[[Person], int]:
    """Deletes by one statement over the ids of the profile and those that it absorbed."""

    def erase(person: Person) -> int:
        with connection.cursor() as cursor:
            cursor.execute(statement, [_names_of(person)])
            return max(cursor.rowcount, 0)

    return erase


def _erase_wakeups(person: Person) -> int:
    """Last of all: what may be left of the profile is evaluated again."""
    erased = _erase_rows(sql.ERASE_WAKEUPS)(person)
    if Profile.objects.filter(pk=person.profile_id).exists():
        mark_changed([person.profile_id])
    return erased


def _names_of(person: Person) -> list[int]:
    """The profile and those that it absorbed: their history is the person's too."""
    absorbed = Merge.objects.filter(survivor=person.profile_id)
    return [person.profile_id, *absorbed.values_list("absorbed_id", flat=True)]


registry.declare(
    Holding(
        model="segments.Membership",
        title="Segments",
        fields={"entered_at": INFERRED, **dict.fromkeys(("profile", "segment"), TECHNICAL)},
        read=_memberships,
        absorb=_absorb,
        erase=_erase_memberships,
        erase_order=FIRST,
    ),
    Holding(
        model="segments.MembershipChange",
        title="Segments entered and left",
        fields={
            **dict.fromkeys(("changed_at", "has_entered", "reason"), INFERRED),
            **dict.fromkeys(("id", "profile", "segment"), TECHNICAL),
        },
        read=_changes,
        erase=_erase_rows(sql.ERASE_CHANGES),
        erase_order=FIRST + 1,
    ),
    Holding(
        model="segments.StagedMembership",
        title="Segments being computed",
        fields=dict.fromkeys(("rebuild_id", "segment_id", "profile_id"), TECHNICAL),
        erase=_erase_rows(sql.ERASE_STAGED),
        erase_order=FIRST + 1,
    ),
    Holding(
        model="segments.NotedProfile",
        title="Evaluated during a rebuild",
        fields=dict.fromkeys(("id", "rebuild", "profile_id"), TECHNICAL),
        erase=_erase_rows(sql.ERASE_NOTED),
        erase_order=FIRST + 1,
    ),
    Holding(
        model="segments.Wakeup",
        title="Evaluations to come",
        fields=dict.fromkeys(("id", "profile_id", "due_at"), TECHNICAL),
        erase=_erase_wakeups,
        erase_order=LAST,
    ),
)
