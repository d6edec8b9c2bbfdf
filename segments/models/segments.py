"""Segments with their definitions, families and versions, memberships and their history."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from consent.models import Purpose
from profiles.lib.exact_json import ExactDecoder, ExactEncoder
from profiles.models import Profile
from segments.models.overrides import ExclusiveGroup


class SegmentFamily(models.Model):
    """Segments that were made together, and part the people with some event among them.

    Of RFM they are the eleven groups, judged by the boundaries of the live version; of a life-cycle
    its six stages. `recompute_at` is when the boundaries are next computed, NULL for life-cycles.
    """

    class Kind(models.TextChoices):
        RFM = "rfm", "RFM"
        LIFE_CYCLE = "life_cycle", _("life-cycle")

    kind = models.CharField(max_length=10, choices=Kind)
    # With a part of it, a key is that of a segment.
    key = models.CharField(
        max_length=43, unique=True, validators=[RegexValidator(r"^[a-z][a-z0-9_-]{0,42}$")]
    )
    name = models.CharField(max_length=90)
    event = models.CharField(max_length=255)
    value = models.CharField(max_length=255, blank=True)
    window = models.JSONField(null=True, encoder=ExactEncoder, decoder=ExactDecoder)
    hour = models.PositiveSmallIntegerField(default=3, validators=[MaxValueValidator(23)])
    live_version = models.ForeignKey(
        "FamilyVersion", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    recompute_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["key"]
        verbose_name = "RFM model or life-cycle"
        verbose_name_plural = "RFM and life-cycles"

    def __str__(self) -> str:
        return self.name


class FamilyVersion(models.Model):
    """The boundaries of an RFM model from a time on. Insert only.

    `people` is how many had a score then, and `figures` has by group how many were in it and what
    they spent.
    """

    family = models.ForeignKey(SegmentFamily, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    boundaries = models.JSONField(encoder=ExactEncoder, decoder=ExactDecoder)
    people = models.BigIntegerField()
    figures = models.JSONField(encoder=ExactEncoder, decoder=ExactDecoder)
    computed_at = models.DateTimeField()

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["family", "number"], name="family_version_unique")
        ]

    def __str__(self) -> str:
        return f"version {self.number}"


class Segment(models.Model):
    """A named definition of people, whose memberships are kept up to date while it is live.

    `version` counts the changes of the definition. `evaluated_at` is the segment's clock: profiles
    that changed by time until then have been queued. Nothing is evaluated at an earlier time.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        LIVE = "live", _("live")
        ARCHIVED = "archived", _("archived")

    # Unique among segments that are not archived, see Meta.
    key = models.CharField(max_length=63, validators=[RegexValidator(r"^[a-z][a-z0-9_-]{0,62}$")])
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    # Where and how staff find it again, and whom to ask about it.
    folder = models.CharField(
        max_length=120,
        blank=True,
        db_default="",
        validators=[RegexValidator(r"^[^/]+(/[^/]+)*$", "Names, with / between them.")],
        help_text=_("Such as Shop/Newsletter."),
    )
    tags = ArrayField(models.CharField(max_length=63), blank=True, default=list, db_default=[])
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        limit_choices_to={"is_staff": True},
        related_name="+",
    )
    definition = models.JSONField(encoder=ExactEncoder, decoder=ExactDecoder)
    purpose = models.ForeignKey(
        Purpose,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="segments",
        help_text=_("What its members leave the system for; empty: internal."),
    )
    status = models.CharField(max_length=8, choices=Status, default=Status.DRAFT)
    version = models.PositiveIntegerField(default=1)
    # The version and definition that the memberships are of. They follow the saved ones when a
    # rebuild has been applied, and are NULL before the first one.
    live_version = models.PositiveIntegerField(
        null=True, editable=False, help_text="The version that the memberships answer."
    )
    live_definition = models.JSONField(
        null=True, editable=False, encoder=ExactEncoder, decoder=ExactDecoder
    )
    # Kept by refreshes, since counting the members of a large segment takes long.
    size = models.BigIntegerField(default=0, editable=False)
    refreshed_at = models.DateTimeField(null=True, editable=False)
    evaluated_at = models.DateTimeField(null=True, editable=False)
    # The global inputs, such as the time zone, that the memberships were computed with.
    built_with = models.CharField(max_length=120, blank=True, db_default="", editable=False)
    # Of each rank in the live definition, in its order: the boundary, of how many people it cuts
    # how many off, and when it was computed. At `recompute_at` they are computed anew.
    boundaries = models.JSONField(
        default=list, db_default=[], editable=False, encoder=ExactEncoder, decoder=ExactDecoder
    )
    recompute_at = models.DateTimeField(null=True, editable=False)
    # With a family the definition is that of a part of it, and cannot be edited.
    family = models.ForeignKey(
        SegmentFamily, null=True, editable=False, on_delete=models.SET_NULL, related_name="segments"
    )
    part = models.CharField(max_length=20, blank=True, db_default="", editable=False)
    # Of the segments of an exclusive group a person is in the first that would have them.
    group = models.ForeignKey(
        ExclusiveGroup,
        null=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="segments",
    )
    place_in_group = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    # Whether anybody was ever included or excluded by hand. Where not, nobody looks for it.
    has_overrides = models.BooleanField(default=False, db_default=False, editable=False)
    # Set while what leaves the system for its purpose is held back. It is evaluated all the same.
    paused_at = models.DateTimeField(null=True, editable=False)
    # Set while the segment is set apart, since evaluating it failed: its outlets are closed, and
    # it is rebuilt at `retry_at`. `failure` is a word without any value of a person or definition.
    failed_at = models.DateTimeField(null=True, editable=False)
    failure = models.CharField(max_length=63, blank=True, db_default="", editable=False)
    failures = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    retry_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]
        constraints = [
            # An archived segment leaves its key to another one.
            models.UniqueConstraint(
                fields=["key"], condition=~models.Q(status="archived"), name="segment_key_unique"
            )
        ]
        indexes = [models.Index(fields=["key"], name="segment_key")]

    def __str__(self) -> str:
        return self.name


class SegmentVersion(models.Model):
    """A segment's definition from a time on, and its author. Insert only."""

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
    """The lease of a full rebuild that is under way.

    While it exists, refreshes note the profiles that they evaluate.
    """

    # A new token for each worker that takes the rebuild over, so that the former one cannot apply.
    token = models.UUIDField(primary_key=True)
    # Keys rather than ids: the segments are looked up again for every attempt.
    segment_keys = models.JSONField(default=list)
    # Whether boundaries are computed anew, and the family whose boundaries are.
    recomputes = models.BooleanField(default=False, db_default=False)
    family = models.ForeignKey(
        SegmentFamily, null=True, on_delete=models.CASCADE, db_constraint=False, related_name="+"
    )
    # How many workers have died of it.
    deaths = models.PositiveSmallIntegerField(default=0, db_default=0)
    started_at = models.DateTimeField(db_default=Now())
    heartbeat_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return str(self.token)


class NotedProfile(models.Model):
    """A profile that was evaluated while a rebuild was computing.

    The rebuild does not touch its memberships, and queues it again.
    """

    rebuild = models.ForeignKey(
        Rebuild, on_delete=models.CASCADE, db_constraint=False, related_name="noted"
    )
    profile_id = models.BigIntegerField()

    def __str__(self) -> str:
        return f"profile {self.profile_id}"


class StagedMembership(models.Model):
    """A membership that a rebuild has computed and not yet applied."""

    pk = models.CompositePrimaryKey("rebuild_id", "segment_id", "profile_id")
    # No foreign keys: they would be checked for every row of a table that is soon emptied.
    rebuild_id = models.UUIDField()
    segment_id = models.BigIntegerField()
    profile_id = models.BigIntegerField()

    class Meta:
        # Migration 0003 creates the table unlogged: a rebuild can be computed again.
        managed = False
        db_table = "segments_stagedmembership"

    def __str__(self) -> str:
        return f"profile {self.profile_id} in segment {self.segment_id}"


class Wakeup(models.Model):
    """A time at which memberships of a profile may change because time passes.

    Not unique, like changes of profiles: a unique key with ON CONFLICT would lose wake-ups.
    """

    # No foreign key: waking an erased or absorbed profile does no harm.
    profile_id = models.BigIntegerField()
    due_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], name="segment_wakeup_due"),
            models.Index(fields=["profile_id", "due_at"], name="segment_wakeup_profile"),
        ]

    def __str__(self) -> str:
        return f"profile {self.profile_id} at {self.due_at}"


class Membership(models.Model):
    """One profile is a member of one segment since `entered_at`. Rebuilds keep that time."""

    pk = models.CompositePrimaryKey("profile_id", "segment_id")
    segment = models.ForeignKey(
        Segment, on_delete=models.DO_NOTHING, db_constraint=False, related_name="memberships"
    )
    profile = models.ForeignKey(
        Profile, on_delete=models.DO_NOTHING, db_constraint=False, related_name="memberships"
    )
    entered_at = models.DateTimeField()

    class Meta:
        # Migration 0002 creates the table, with the index that the slots need.
        managed = False
        db_table = "segments_membership"

    def __str__(self) -> str:
        return f"profile {self.profile_id} in segment {self.segment_id}"


class MembershipChange(models.Model):
    """One entry into a segment or exit from it. Partitioned by the month of `changed_at`."""

    class Reason(models.TextChoices):
        CHANGE = "change", _("something about the person changed")
        TIME = "time", _("time passed")
        DEFINITION = "definition", _("the definition changed")
        MERGE = "merge", _("profiles were merged")
        ERASURE = "erasure", _("the person was erased")
        RECOMPUTE = "recompute", _("boundaries were computed anew")
        OVERRIDE = "override", _("staff decided")
        RETENTION = "retention", _("data outlived their time")

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
        # Migration 0002 creates the table, since Django does not know partitions.
        managed = False
        db_table = "segments_membershipchange"
        ordering = ["-changed_at", "-id"]

    def __str__(self) -> str:
        return f"{'entered' if self.has_entered else 'left'}: {self.reason}"


class SegmentSize(models.Model):
    """The number of members of a segment at a time, for its curve."""

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
