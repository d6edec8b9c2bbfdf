"""Who belongs where: memberships and their history."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.utils.translation import get_language

from profiles.lib.change_queue import mark_changed, mark_changes
from profiles.models import Profile, ProfileChange
from profiles.registry import (
    Disclosure,
    ErasurePhase,
    Person,
    PersonalData,
    Rows,
    by_profile,
    registry,
)
from segments.activation.erasure import numbers_of
from segments.definitions.rules import rules_in_words
from segments.lib.locks import lock_slots, slots_of
from segments.memberships import sql
from segments.memberships.recompute import end_telling_boundaries, telling_segments
from segments.models import (
    MemberExport,
    Membership,
    MembershipChange,
    NotedProfile,
    StagedMembership,
    Wakeup,
)

# What rows that name a segment call it.
SEGMENT_NAMES = {"segment__key": "key", "segment__name": "name"}


@registry.register
class MembershipData(PersonalData):
    model = Membership
    title = "Segments"
    counted_as = "memberships"
    spread = "profile_id"
    inferred = ("entered_at",)
    technical = ("profile", "segment")
    phase = ErasurePhase.MEMBERSHIPS

    def read(self, profile_ids: Sequence[int]) -> Rows:
        rules = rules_in_words(get_language() or "")
        rows = [
            {**row, "rule": rules.get(row["segment__key"], "")}
            for row in self._memberships(profile_ids)
        ]
        return by_profile(rows, renamed=SEGMENT_NAMES)

    def _memberships(self, profile_ids: Sequence[int]) -> QuerySet[Membership, Any]:
        memberships = Membership.objects.filter(profile_id__in=profile_ids)
        return memberships.order_by("segment__key").values(
            "profile_id", "segment__key", "segment__name", "entered_at"
        )

    def portrait(self, profile_ids: Sequence[int]) -> Rows:
        # What leaves the system; a segment that is set apart is closed.
        rows = self._memberships(profile_ids).filter(segment__failed_at=None)
        return by_profile(rows, renamed=SEGMENT_NAMES)

    def absorb(self, pairs: Sequence[tuple[int, int]]) -> None:
        # Memberships do not move. An absorbed profile is evaluated like any other: since it is
        # gone, it leaves its segments with the reason merge.
        mark_changed(profile for pair in pairs for profile in pair)
        absorbed = Profile.objects.filter(pk__in=[pk for _, pk in pairs])
        uuids = dict(absorbed.values_list("pk", "uuid"))
        mark_changes(
            ProfileChange.Kind.MERGE,
            [(survivor, str(uuids[pk])) for survivor, pk in pairs if pk in uuids],
        )

    def erase(self, person: Person) -> int:
        profile_ids = numbers_of(person)
        # A refresh that began earlier must not write a membership after this.
        lock_slots(slots_of(profile_ids))
        memberships = Membership.objects.filter(profile_id__in=profile_ids)
        segment_ids = list(memberships.values_list("segment_id", flat=True))
        telling = telling_segments()
        with connection.cursor() as cursor:
            cursor.execute(sql.LOCK_SEGMENTS, [[*segment_ids, *telling]])
            cursor.execute(sql.ERASE_MEMBERSHIPS, [profile_ids])
        end_telling_boundaries(telling)
        return len(segment_ids)


@registry.register
class MembershipChangeData(PersonalData):
    model = MembershipChange
    title = "Segments entered and left"
    spread = "profile_id"
    held_as, held_rows = "segment_history", sql.HELD_CHANGES
    inferred = ("changed_at", "has_entered", "reason")
    technical = ("id", "profile", "segment")
    phase = ErasurePhase.MEMBERSHIP_HISTORY

    def read(self, profile_ids: Sequence[int]) -> Rows:
        rows = (
            MembershipChange.objects.filter(profile_id__in=profile_ids)
            .order_by("-changed_at", "-id")
            .values(
                "profile_id",
                "segment__key",
                "segment__name",
                "changed_at",
                "has_entered",
                "reason",
            )
        )
        return by_profile(rows, renamed=SEGMENT_NAMES)

    def disclosures(self, profile_id: int) -> Iterator[Disclosure]:
        """Exports of segments that were made while the person was in them."""
        changes = MembershipChange.objects.filter(profile_id=profile_id).order_by("-changed_at")
        exports = MemberExport.objects.filter(segment__in=changes.order_by().values("segment"))
        last: dict[str, datetime] = {}
        for export in exports.filter(written__gt=0).order_by("moved_at"):
            earlier = changes.filter(segment=export.segment_id, changed_at__lte=export.moved_at)
            change = earlier.first()
            # Who left while it was written may be in it.
            if change and (change.has_entered or change.changed_at >= export.started_at):
                last[export.name] = export.moved_at
        return (Disclosure(name, "export", at) for name, at in last.items())

    def erase(self, person: Person) -> int:
        return _execute_erasure(sql.ERASE_CHANGES, person)


@registry.register
class StagedMembershipData(PersonalData):
    model = StagedMembership
    title = "Segments being computed"
    spread = "profile_id"
    technical = ("rebuild_id", "segment_id", "profile_id")
    phase = ErasurePhase.MEMBERSHIP_HISTORY

    def erase(self, person: Person) -> int:
        return _execute_erasure(sql.ERASE_STAGED, person)


@registry.register
class NotedProfileData(PersonalData):
    model = NotedProfile
    title = "Evaluated during a rebuild"
    spread = "profile_id"
    technical = ("id", "rebuild", "profile_id")
    phase = ErasurePhase.MEMBERSHIP_HISTORY

    def erase(self, person: Person) -> int:
        return _execute_erasure(sql.ERASE_NOTED, person)


@registry.register
class WakeupData(PersonalData):
    model = Wakeup
    title = "Evaluations to come"
    spread = "profile_id"
    technical = ("id", "profile_id", "due_at")
    phase = ErasurePhase.AFTERWARDS

    def erase(self, person: Person) -> int:
        erased = _execute_erasure(sql.ERASE_WAKEUPS, person)
        # What is left of a profile that was erased in part is evaluated again.
        if Profile.objects.filter(pk=person.profile_id).exists():
            mark_changed([person.profile_id])
        return erased


def _execute_erasure(statement: str, person: Person) -> int:
    """Run a statement over the profile and those that it absorbed; return the row count."""
    with connection.cursor() as cursor:
        cursor.execute(statement, [numbers_of(person)])
        return max(int(cursor.rowcount), 0)
