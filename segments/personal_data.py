"""What this app holds about people: how it is shown, ended by a merge, and erased."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils.translation import get_language

from profiles.lib.change_queue import mark_changed, mark_changes
from profiles.models import Merge, Profile, ProfileChange
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
from segments.activation.erasure import (
    keys_of,
    notify_receivers,
    numbers_of,
    receivers_of,
    told_to_destinations,
)
from segments.automations.people import holders_of_keys
from segments.definitions.rules import rules_in_words
from segments.lib.locks import lock_slots, slots_of
from segments.lists import sql as lists_sql
from segments.memberships import sql
from segments.memberships.recompute import end_telling_boundaries, telling_segments
from segments.models import (
    Automation,
    AutomationDecision,
    AutomationRun,
    AutomationVersion,
    Delivery,
    Destination,
    ErasureNotice,
    ExclusiveGroup,
    FamilyVersion,
    KeyHolder,
    ListedPerson,
    MemberExport,
    Membership,
    MembershipChange,
    NotedProfile,
    Override,
    Rebuild,
    Segment,
    SegmentFamily,
    SegmentSize,
    SegmentStar,
    SegmentVersion,
    StagedMembership,
    StaticList,
    Told,
    Wakeup,
    Webhook,
    WebhookSegment,
)
from segments.overrides import sql as overrides_sql
from segments.overrides.traces import sweep_reasons

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
        profile_ids = _profile_ids(person)
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


@registry.register
class ListedPersonData(PersonalData):
    model = ListedPerson
    title = "Lists"
    spread = "profile_id"
    inferred = ("added_at",)
    technical = ("profile", "list", "identifier")
    phase = ErasurePhase.RECORDS

    def read(self, profile_ids: Sequence[int]) -> Rows:
        rows = (
            ListedPerson.objects.filter(profile_id__in=profile_ids)
            .order_by("list__key", "added_at")
            .values("profile_id", "list__key", "list__name", "added_at")
        )
        return by_profile(rows, renamed={"list__key": "key", "list__name": "name"})

    def move(self, moves: Sequence[IdentifierMove]) -> None:
        execute_moves(lists_sql.MOVE_LISTED, moves)

    def erase(self, person: Person) -> int:
        return execute_erasure(lists_sql.ERASE_LISTED, person)


@registry.register
class OverrideData(PersonalData):
    model = Override
    title = "Decisions about segments"
    spread = "profile_id"
    inferred = ("kind", "reason", "starts_at", "ends_at")
    technical = ("profile", "segment", "identifier", "actor")
    phase = ErasurePhase.RECORDS

    def read(self, profile_ids: Sequence[int]) -> Rows:
        rows = (
            Override.objects.filter(profile_id__in=profile_ids)
            .order_by("segment__key", "starts_at")
            .values(
                "profile_id",
                "segment__key",
                "segment__name",
                "kind",
                "reason",
                "starts_at",
                "ends_at",
            )
        )
        return by_profile(rows, renamed=SEGMENT_NAMES)

    def move(self, moves: Sequence[IdentifierMove]) -> None:
        execute_moves(overrides_sql.MOVE_OVERRIDES, moves)

    def erase(self, person: Person) -> int:
        return execute_erasure(overrides_sql.ERASE_OVERRIDES, person)

    def sweep(self, clean: Cleaner, *, before: datetime) -> int:
        return sweep_reasons(clean)


# Before what was told is deleted, by which it finds the receivers.
@registry.register
class ErasureNoticeData(PersonalData):
    model = ErasureNotice
    title = "Receivers that are told of the erasure"
    technical = (
        *("id", "message", "webhook", "sealed_key", "request_id", "taken_at"),
        *("created_at", "due_at", "lease", "leased_until", "attempts", "fault"),
    )
    phase = ErasurePhase.MEMBERSHIP_HISTORY
    kept = "Their key at a receiver, sealed, until it took the notice; 30 days at most."

    def erase(self, person: Person) -> int:
        notify_receivers(person)
        return 0

    def receivers(self, request_id: UUID) -> Mapping[str, int]:
        return receivers_of(request_id)


# Deliveries and what was told of a destination's keys are found by who has the keys.
@registry.register
class DeliveryData(PersonalData):
    model = Delivery
    title = "Deliveries to other systems"
    inferred = ("body", "created_at", "finished_at")
    technical = (
        *("id", "message", "webhook", "event", "segment", "key", "subject_id", "state"),
        *("due_at", "lease", "leased_until", "attempts", "first_tried_at", "gate_read_at"),
        *("answer", "fault"),
    )
    phase = ErasurePhase.MEMBERSHIP_HISTORY

    def read(self, profile_ids: Sequence[int]) -> Rows:
        rows = (
            Delivery.objects.filter(subject_id__in=profile_ids, finished_at__isnull=False)
            .order_by("-id")
            .values("subject_id", "webhook__name", "event", "body", "finished_at", "state")
        )
        return by_profile(rows, profile="subject_id", renamed={"webhook__name": "receiver"})

    def portrait(self, profile_ids: Sequence[int]) -> Rows:
        return {}

    def erase(self, person: Person) -> int:
        of_webhooks = Delivery.objects.filter(key__in=keys_of(person.references))
        keys = [(row.webhook_id, row.key) for row in told_to_destinations(person)]
        erased = of_webhooks.delete()[0]
        for webhook_id, key in keys:
            erased += Delivery.objects.filter(webhook_id=webhook_id, key=key).delete()[0]
        # Of a key that others share theirs stays; what names this profile goes all the same.
        own = Delivery.objects.filter(webhook_id__in=Destination.objects.values("pk"))
        return erased + own.filter(subject_id__in=numbers_of(person)).delete()[0]


@registry.register
class ToldData(PersonalData):
    model = Told
    title = "Told to other systems"
    inferred = ("is_in", "told_at")
    technical = (
        *("id", "webhook", "segment", "key", "subject_id", "message"),
        *("digest", "sealed_reference", "sent_at"),
    )
    phase = ErasurePhase.MEMBERSHIP_HISTORY

    def read(self, profile_ids: Sequence[int]) -> Rows:
        rows = (
            Told.objects.filter(subject_id__in=profile_ids)
            .order_by("webhook__name", "segment__key")
            .values("subject_id", "webhook__name", "segment__key", "is_in", "told_at")
        )
        names = {"webhook__name": "receiver", "segment__key": "segment"}
        return by_profile(rows, profile="subject_id", renamed=names)

    def portrait(self, profile_ids: Sequence[int]) -> Rows:
        return {}

    def erase(self, person: Person) -> int:
        ids = [row.pk for row in told_to_destinations(person)]
        rows = Told.objects.filter(Q(key__in=keys_of(person.references)) | Q(pk__in=ids))
        return rows.delete()[0]


# After what is found by it.
@registry.register
class KeyHolderData(PersonalData):
    model = KeyHolder
    title = "Known to destinations"
    technical = ("id", "webhook", "key", "subject_id")
    phase = ErasurePhase.MEMBERSHIP_HISTORY

    def erase(self, person: Person) -> int:
        rows = KeyHolder.objects.filter(subject_id__in=numbers_of(person))
        others = KeyHolder.objects.filter(key__in=list(rows.values_list("key", flat=True)))
        # Who shares a key is told of again by it.
        mark_changed(others.values_list("subject_id", flat=True))
        return rows.delete()[0]


@registry.register
class AutomationDecisionData(PersonalData):
    model = AutomationDecision
    title = "Steps of automations"
    inferred = ("kind", "outcome", "decided_at", "mail_state")
    technical = ("id", "run", "step", "message", "branch", "claimed_at")
    phase = ErasurePhase.MEMBERSHIP_HISTORY

    def read(self, profile_ids: Sequence[int]) -> Rows:
        holders = holders_of_keys(profile_ids)
        rows = (
            AutomationDecision.objects.filter(run__key__in=holders)
            .order_by("-decided_at", "-id")
            .values("run__key", "run__automation__name", "kind", "outcome", "decided_at")
        )
        named = [{**row, "run__key": holders[row["run__key"]]} for row in rows]
        return by_profile(
            named, profile="run__key", renamed={"run__automation__name": "automation"}
        )

    def portrait(self, profile_ids: Sequence[int]) -> Rows:
        return {}

    def erase(self, person: Person) -> int:
        keys = keys_of(person.references)
        return AutomationDecision.objects.filter(run__key__in=keys).delete()[0]


@registry.register
class AutomationRunData(PersonalData):
    model = AutomationRun
    title = "Automations"
    inferred = ("state", "reason", "started_at", "ended_at")
    technical = (
        *("id", "automation", "version", "key", "cause", "event", "since", "step"),
        *("entered_at", "due_at", "listens"),
    )
    phase = ErasurePhase.MEMBERSHIP_HISTORY

    def read(self, profile_ids: Sequence[int]) -> Rows:
        holders = holders_of_keys(profile_ids)
        rows = (
            AutomationRun.objects.filter(key__in=holders)
            .order_by("-started_at", "-id")
            .values("key", "automation__name", "state", "reason", "started_at", "ended_at")
        )
        named = [{**row, "key": holders[row["key"]]} for row in rows]
        return by_profile(named, profile="key", renamed={"automation__name": "automation"})

    def portrait(self, profile_ids: Sequence[int]) -> Rows:
        return {}

    def erase(self, person: Person) -> int:
        # After its decisions, which point at it.
        return AutomationRun.objects.filter(key__in=keys_of(person.references)).delete()[0]


registry.exempt(
    {
        Automation: "A trigger, its steps and what is written to everybody alike.",
        AutomationVersion: "What an automation was, and who published it.",
        Webhook: "A receiver: its address, what it hears of, and its sealed secret.",
        Destination: "A tool: its settings and mapping, and its sealed credentials.",
        WebhookSegment: "Of which segments a webhook hears.",
        MemberExport: "Who took how many members for what; the file is stored nowhere.",
        ExclusiveGroup: "The name of a group of segments.",
        FamilyVersion: "Boundaries between many people; those of few end with one of them.",
        SegmentFamily: "Which event and value parts people.",
        SegmentStar: "Which segments staff keep at hand, as long as their accounts.",
        Rebuild: "A lease on a computation.",
        Segment: "A definition, its status and its size.",
        SegmentSize: "How many members a segment had at a time.",
        SegmentVersion: "A definition and who wrote it.",
        StaticList: "The name of a list, and how often much of it changed.",
    }
)


def _execute_erasure(statement: str, person: Person) -> int:
    """Run a statement over the profile and those that it absorbed; return the row count."""
    with connection.cursor() as cursor:
        cursor.execute(statement, [_profile_ids(person)])
        return max(int(cursor.rowcount), 0)


def _profile_ids(person: Person) -> list[int]:
    """The profile and those that it absorbed: their history is the person's too."""
    absorbed = Merge.objects.standing().filter(survivor=person.profile_id)
    return [person.profile_id, *absorbed.values_list("absorbed_id", flat=True)]
