"""What other systems were told of whom, and what automations did."""

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from django.db import connection
from django.db.models import F, Max, Q
from django.db.models.functions import Greatest

from profiles.lib.change_queue import mark_changed
from profiles.registry import (
    Disclosure,
    ErasurePhase,
    Person,
    PersonalData,
    Rows,
    by_profile,
    registry,
)
from segments.activation.erasure import (
    keys_of,
    notify_receivers,
    numbers_of,
    receivers_of,
    told_to_destinations,
)
from segments.codes.sql import FORGET_PERSON
from segments.lib.people_by_key import holders_of_keys
from segments.models import (
    AutomationDecision,
    AutomationRun,
    Code,
    Delivery,
    Destination,
    ErasureNotice,
    HandedPerson,
    KeyHolder,
    Told,
)


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
    lifetime = "WEBHOOK_LOG_DAYS"
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

    def disclosures(self, profile_id: int) -> Iterator[Disclosure]:
        taken = Delivery.objects.filter(subject_id=profile_id, state=Delivery.State.DELIVERED)
        times = taken.values(name=F("webhook__name")).annotate(last_at=Max("finished_at"))
        return (Disclosure(kind="delivery", **row) for row in times.order_by())

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

    def disclosures(self, profile_id: int) -> Iterator[Disclosure]:
        told = Told.objects.filter(subject_id=profile_id, webhook__destination__isnull=False)
        sent = told.filter(sent_at__isnull=False).values(name=F("webhook__name"))
        times = sent.annotate(last_at=Max(Greatest("told_at", "sent_at")))
        return (Disclosure(kind="destination", **row) for row in times.order_by())

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
class HandedPersonData(PersonalData):
    model = HandedPerson
    title = "Handed to destinations by automations"
    inferred = ("handed_at",)
    technical = ("id", "webhook", "key", "purpose")
    phase = ErasurePhase.MEMBERSHIP_HISTORY

    def read(self, profile_ids: Sequence[int]) -> Rows:
        holders = holders_of_keys(profile_ids)
        rows = (
            HandedPerson.objects.filter(key__in=holders)
            .order_by("webhook__name", "purpose__key")
            .values("key", "webhook__name", "purpose__key", "handed_at")
        )
        named = [{**row, "key": holders[row["key"]]} for row in rows]
        names = {"webhook__name": "receiver", "purpose__key": "purpose"}
        return by_profile(named, profile="key", renamed=names)

    def portrait(self, profile_ids: Sequence[int]) -> Rows:
        return {}

    def erase(self, person: Person) -> int:
        return HandedPerson.objects.filter(key__in=keys_of(person.references)).delete()[0]


@registry.register
class AutomationDecisionData(PersonalData):
    model = AutomationDecision
    title = "Steps of automations"
    observed = ("clicked_at",)
    inferred = ("kind", "outcome", "decided_at", "mail_state")
    technical = ("id", "run", "step", "message", "branch", "claimed_at", "mail_due_at")
    phase = ErasurePhase.MEMBERSHIP_HISTORY

    def read(self, profile_ids: Sequence[int]) -> Rows:
        holders = holders_of_keys(profile_ids)
        rows = (
            AutomationDecision.objects.filter(run__key__in=holders)
            .order_by("-decided_at", "-id")
            .values(
                "run__key", "run__automation__name", "kind", "outcome", "decided_at", "clicked_at"
            )
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
        *("entered_at", "due_at", "listens", "is_held_out"),
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


@registry.register
class CodeData(PersonalData):
    model = Code
    title = "Codes"
    observed = ("redeemed_at",)
    inferred = ("text", "given_at")
    technical = ("id", "pool", "key", "added_at")
    phase = ErasurePhase.MEMBERSHIP_HISTORY
    kept = "The code without the person, so that nobody else is given it."

    def read(self, profile_ids: Sequence[int]) -> Rows:
        holders = holders_of_keys(profile_ids)
        rows = (
            Code.objects.filter(key__in=holders)
            .order_by("given_at", "id")
            .values("key", "pool__name", "text", "given_at", "redeemed_at")
        )
        named = [{**row, "key": holders[row["key"]]} for row in rows if row["key"]]
        return by_profile(named, profile="key", renamed={"pool__name": "pool", "text": "code"})

    def portrait(self, profile_ids: Sequence[int]) -> Rows:
        return {}

    def erase(self, person: Person) -> int:
        with connection.cursor() as cursor:
            cursor.execute(FORGET_PERSON, [keys_of(person.references)])
            return max(int(cursor.rowcount), 0)
