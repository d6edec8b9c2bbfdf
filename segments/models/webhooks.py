"""Webhooks: where transitions of people are told, what was told, and what waits to be.

Invariant: a key is what the receiver knows a person by, their public UUID. What was told hangs on
the key, so that an exit names whom the entry named, whoever has been merged since. Keys belong to
receivers rather than to people, so that these tables lie on the coordinator of a cluster.
"""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from consent.models import Purpose
from segments.models.segments import Segment


class WebhookEvent(models.TextChoices):
    """What a receiver can be told."""

    SEGMENT_ENTERED = "segment.entered", _("enters a segment")
    SEGMENT_EXITED = "segment.exited", _("leaves a segment")
    PROFILE_MERGED = "profile.merged", _("two profiles become one")
    PROFILE_UNMERGED = "profile.unmerged", _("two profiles are parted")
    CONSENT_CHANGED = "consent.changed", _("a consent changes")
    ERASURE_REQUESTED = "erasure.requested", _("is to be erased")
    AUTOMATION_REACHED = "automation.reached", _("comes to a step of an automation")


class Webhook(models.Model):
    """A receiver of transitions, called by POST in the form of Standard Webhooks.

    Both secrets sign while there are two. `failures` counts calls in a row that nobody took;
    no other is made before `retry_at`. While it is paused nothing is called, and what changes
    waits, until there is too much: with `is_behind` nothing is written, and what differs is told
    when it goes on.
    """

    class PauseReason(models.TextChoices):
        STAFF = "staff", _("by hand")
        FAILING = "failing", _("nobody took a call for days")
        GONE = "gone", _("the receiver says that it is gone")
        QUOTA = "quota", _("too much waits")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120, verbose_name=_("name"))
    url = models.CharField(max_length=2000, verbose_name=_("address"))
    events = ArrayField(models.CharField(max_length=20, choices=WebhookEvent))
    segments = models.ManyToManyField(
        Segment, through="WebhookSegment", related_name="webhooks", blank=True
    )
    purpose = models.ForeignKey(
        Purpose, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    sealed_secret = models.BinaryField(editable=False)
    sealed_former_secret = models.BinaryField(null=True, editable=False)
    former_until = models.DateTimeField(null=True, editable=False)
    paused_at = models.DateTimeField(null=True, editable=False)
    pause_reason = models.CharField(max_length=8, choices=PauseReason, blank=True, editable=False)
    is_behind = models.BooleanField(default=False, editable=False)
    failures = models.PositiveIntegerField(default=0, editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    retry_at = models.DateTimeField(null=True, editable=False)
    succeeded_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class WebhookSegment(models.Model):
    """A webhook is told who enters and leaves a segment.

    Where `derive_after` is set, what was told is compared again with who is in, from the profile
    with that number on: the segment was rebuilt, or the webhook missed something. Of one that
    `is_ending` everybody leaves, and then the row goes.
    """

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="subscriptions")
    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="subscriptions")
    derive_after = models.BigIntegerField(null=True, default=0)
    derive_reason = models.CharField(max_length=12, default="catch_up")
    is_ending = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["webhook", "segment"], name="webhook_segment")
        ]

    def __str__(self) -> str:
        return f"segment {self.segment_id} at webhook {self.webhook_id}"


class Told(models.Model):
    """What a webhook was told of a key: whether it is in a segment; without one, anything at all.

    `subject_id` is the number of the profile that had the key then, `message` the last transition.
    A destination is told without a segment: of its keys `sealed_reference` is what it knows them
    by, `digest` that of what it was told, and `sent_at` when a call about them began first.
    """

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="told")
    segment = models.ForeignKey(
        Segment, null=True, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    key = models.UUIDField(db_index=True)
    subject_id = models.BigIntegerField(db_index=True)
    is_in = models.BooleanField()
    message = models.UUIDField()
    told_at = models.DateTimeField()
    digest = models.CharField(max_length=64, blank=True, default="", editable=False)
    sealed_reference = models.BinaryField(null=True, editable=False)
    sent_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name_plural = "told"
        constraints = [
            models.UniqueConstraint(
                fields=["webhook", "segment", "key"], name="told_once", nulls_distinct=False
            )
        ]
        indexes = [
            models.Index(
                fields=["segment", "subject_id"],
                condition=models.Q(is_in=True),
                name="told_in_segment",
            )
        ]

    def __str__(self) -> str:
        return f"{self.key} at webhook {self.webhook_id}"


class Delivery(models.Model):
    """One transition of one person that one webhook is told: the outbox, and the log of it.

    Of a key the oldest pending one is sent first. `message` is the same at every attempt. A worker
    has it until `leased_until`; at `gate_read_at` the gate was asked, last thing before the first
    byte. `answer` is the status that came back, `fault` a word for why none did or why it was not
    sent.
    """

    class State(models.TextChoices):
        PENDING = "pending", _("waits")
        DELIVERED = "delivered", _("taken")
        WITHHELD = "withheld", _("not permitted")
        REFUSED = "refused", _("refused by the receiver")
        REPLACED = "replaced", _("replaced by a newer one")

    message = models.UUIDField(unique=True, default=uuid7, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=20, choices=WebhookEvent)
    segment = models.ForeignKey(
        Segment, null=True, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    key = models.UUIDField(db_index=True)
    subject_id = models.BigIntegerField(db_index=True)
    body = models.JSONField()
    state = models.CharField(max_length=9, choices=State, default=State.PENDING)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(db_default=Now())
    lease = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    first_tried_at = models.DateTimeField(null=True)
    gate_read_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    answer = models.PositiveSmallIntegerField(null=True)
    fault = models.CharField(max_length=40, blank=True, default="")

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(
                fields=["webhook", "key", "id"],
                condition=models.Q(state="pending"),
                name="delivery_pending",
            ),
            # The next one is found at once, however long the log is and however much waits.
            models.Index(
                fields=["webhook", "id"], condition=models.Q(state="pending"), name="delivery_next"
            ),
            models.Index(fields=["webhook", "-id"], name="delivery_log"),
            models.Index(fields=["finished_at"], name="delivery_finished"),
        ]

    def __str__(self) -> str:
        return f"{self.event} at webhook {self.webhook_id}"


class ErasureNotice(models.Model):
    """A webhook that was told of somebody erased is to be told to forget them, too.

    All that is left of the person: their key at the receiver, sealed, until it is taken or 30 days
    have passed. A notice that was taken at `taken_at` has no key any more; it is counted in the
    receipt of its privacy request.
    """

    message = models.UUIDField(unique=True, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="notices")
    sealed_key = models.BinaryField(editable=False)
    request_id = models.UUIDField(null=True, editable=False, db_index=True)
    taken_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField()
    lease = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    fault = models.CharField(max_length=40, blank=True, default="")

    class Meta:
        indexes = [models.Index(fields=["webhook", "due_at"], name="erasure_notice_due")]

    def __str__(self) -> str:
        return f"notice {self.message}"
