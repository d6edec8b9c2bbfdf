"""Who belongs where: definitions, memberships and their history."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now

from consent.models import Purpose
from profiles.lib.exact_json import ExactDecoder, ExactEncoder
from profiles.models import Profile


class Segment(models.Model):
    """A named, stored question about people, kept answered. `version` counts changes of the definition.

    `evaluated_at`: up to this instant, whoever flips because time passes has been found. The clock never runs back past it.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", "draft"
        LIVE = "live", "live"
        ARCHIVED = "archived", "archived"

    key = models.CharField(
        max_length=63, unique=True, validators=[RegexValidator(r"^[a-z][a-z0-9_-]{0,62}$")]
    )
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    definition = models.JSONField(encoder=ExactEncoder, decoder=ExactDecoder)
    purpose = models.ForeignKey(
        Purpose,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="segments",
        help_text="What its members leave the system for; empty: internal.",
    )
    status = models.CharField(max_length=8, choices=Status, default=Status.DRAFT)
    version = models.PositiveIntegerField(default=1)
    live_version = models.PositiveIntegerField(
        null=True, editable=False, help_text="The version that the memberships answer."
    )
    live_definition = models.JSONField(
        null=True, editable=False, encoder=ExactEncoder, decoder=ExactDecoder
    )
    size = models.BigIntegerField(default=0, editable=False)
    refreshed_at = models.DateTimeField(null=True, editable=False)
    evaluated_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class SegmentVersion(models.Model):
    """What a segment's definition was from a time on, and who wrote it. Insert only."""

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    definition = models.JSONField(encoder=ExactEncoder, decoder=ExactDecoder)
    author = models.CharField(max_length=120)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["segment", "number"], name="segment_version_unique")
        ]

    def __str__(self) -> str:
        return f"version {self.number}"


class Rebuild(models.Model):
    """A full rebuild under way: its existence tells refreshers to note whom they evaluate meanwhile."""

    token = models.UUIDField(primary_key=True)
    segment_keys = models.JSONField(default=list)
    started_at = models.DateTimeField(db_default=Now())
    heartbeat_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return str(self.token)


class NotedProfile(models.Model):
    """This profile was evaluated while a rebuild computed: the rebuild leaves it alone and has it evaluated again."""

    rebuild = models.ForeignKey(Rebuild, on_delete=models.CASCADE, related_name="noted")
    profile_id = models.BigIntegerField()

    def __str__(self) -> str:
        return f"profile {self.profile_id}"


class StagedMembership(models.Model):
    """What a rebuild found, until it is applied."""

    pk = models.CompositePrimaryKey("rebuild_id", "segment_id", "profile_id")
    rebuild_id = models.UUIDField()
    segment_id = models.BigIntegerField()
    profile_id = models.BigIntegerField()

    class Meta:
        # Made by migration 0003: not logged.
        managed = False
        db_table = "segments_stagedmembership"

    def __str__(self) -> str:
        return f"profile {self.profile_id} in segment {self.segment_id}"


class Wakeup(models.Model):
    """This profile's memberships can change at `due_at`, because time passes. Never unique, like a profile change."""

    profile_id = models.BigIntegerField()
    due_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["due_at"], name="segment_wakeup_due")]

    def __str__(self) -> str:
        return f"profile {self.profile_id} at {self.due_at}"


class Membership(models.Model):
    """This profile is in this segment since `entered_at`, which survives rebuilds."""

    pk = models.CompositePrimaryKey("profile_id", "segment_id")
    segment = models.ForeignKey(
        Segment, on_delete=models.DO_NOTHING, db_constraint=False, related_name="memberships"
    )
    profile = models.ForeignKey(
        Profile, on_delete=models.DO_NOTHING, db_constraint=False, related_name="memberships"
    )
    entered_at = models.DateTimeField()

    class Meta:
        # Made by migration 0002, with the index that the slots need.
        managed = False
        db_table = "segments_membership"

    def __str__(self) -> str:
        return f"profile {self.profile_id} in segment {self.segment_id}"


class MembershipChange(models.Model):
    """One entry or exit and its reason. Range-partitioned by month of `changed_at`."""

    class Reason(models.TextChoices):
        CHANGE = "change", "something about the person changed"
        TIME = "time", "time passed"
        DEFINITION = "definition", "the definition changed"
        MERGE = "merge", "profiles were merged"
        ERASURE = "erasure", "the person was erased"

    pk = models.CompositePrimaryKey("profile_id", "segment_id", "changed_at", "id")
    id = models.BigIntegerField()
    segment = models.ForeignKey(
        Segment, on_delete=models.DO_NOTHING, db_constraint=False, related_name="changes"
    )
    profile = models.ForeignKey(
        Profile, on_delete=models.DO_NOTHING, db_constraint=False, related_name="membership_changes"
    )
    changed_at = models.DateTimeField()
    has_entered = models.BooleanField()
    reason = models.CharField(max_length=16, choices=Reason)

    class Meta:
        # Made by migration 0002: Django does not know partitioned tables.
        managed = False
        db_table = "segments_membershipchange"
        ordering = ["-changed_at", "-id"]

    def __str__(self) -> str:
        return f"{'entered' if self.has_entered else 'left'}: {self.reason}"


class SegmentSize(models.Model):
    """How many members a segment had at a time: the points of its curve."""

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="sizes")
    measured_at = models.DateTimeField()
    size = models.BigIntegerField()

    class Meta:
        ordering = ["measured_at"]
        constraints = [
            models.UniqueConstraint(fields=["segment", "measured_at"], name="segment_size_unique")
        ]

    def __str__(self) -> str:
        return f"{self.size} at {self.measured_at}"
