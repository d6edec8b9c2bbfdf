"""How long data are kept: rules with their versions, forecasts of what goes, and nightly runs."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from consent.models.purposes import Purpose
from profiles.models import EventName, TraitDefinition


class Anchor(models.TextChoices):
    """From when a period of keeping counts."""

    DATA = "data", _("when the data came about")
    LAST_SEEN = "last_seen", _("when the person was last seen")
    LAST_ORDER = "last_order", _("the person's last order")
    WITHDRAWAL = "withdrawal", _("when the purpose ended for the person")


class RetentionRule(models.Model):
    """How long one purpose keeps data of one unit: events of a name, or traits of a category.

    Each change is a version. A unit whose rules are not all approved in their newest version loses
    nothing.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Just one of the two.
    event = models.ForeignKey(
        EventName, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    category = models.CharField(max_length=16, choices=TraitDefinition.Category, blank=True)
    purpose = models.ForeignKey(Purpose, on_delete=models.PROTECT, related_name="+")
    version = models.PositiveIntegerField(default=1)
    approved_version = models.PositiveIntegerField(default=0)
    # Ended rules keep nothing, once that is approved; their versions stay.
    is_ended = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["category", "event__name", "purpose__key"]
        constraints = [
            models.UniqueConstraint(
                fields=["event", "category", "purpose"],
                nulls_distinct=False,
                name="retention_rule_unique",
            ),
            models.CheckConstraint(
                condition=models.Q(event=None) ^ models.Q(category=""),
                name="retention_rule_of_one_unit",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event or self.get_category_display()}, {self.purpose}"

    @property
    def is_approved(self) -> bool:
        return self.version == self.approved_version

    @property
    def current(self) -> "RetentionRuleVersion":
        """The newest version; searched in Python, since lists prefetch all of them."""
        return next(each for each in self.versions.all() if each.number == self.version)


class RetentionRuleVersion(models.Model):
    """The terms of a rule from a time on. Insert only, but for its approval."""

    rule = models.ForeignKey(RetentionRule, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    period = models.CharField(max_length=32, help_text="How long the data are kept, such as P2Y.")
    anchor = models.CharField(max_length=16, choices=Anchor)
    grace = models.CharField(
        max_length=32,
        help_text="How long they are kept once the purpose is no longer lawful for the person.",
    )
    is_ended = models.BooleanField(default=False)
    # Names and not keys: API keys and staff may be deleted later.
    created_by = models.CharField(max_length=120)
    created_at = models.DateTimeField(db_default=Now())
    approved_by = models.CharField(max_length=120, blank=True, db_default="")
    approved_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["rule", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["rule", "number"], name="retention_version_unique")
        ]

    def __str__(self) -> str:
        return f"version {self.number}"


class RetentionForecast(models.Model):
    """What the rules would delete at a time: counts, and the versions that they were made with.

    A version is approved by whoever has seen a forecast with it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    at = models.DateTimeField()
    made_at = models.DateTimeField(db_default=Now())
    # Of all rules: `{id: number}`.
    versions = models.JSONField(default=dict)
    units = models.JSONField(default=list, help_text="Rows and people by unit.")

    class Meta:
        ordering = ["-made_at"]

    def __str__(self) -> str:
        return f"forecast for {self.at:%Y-%m-%d %H:%M}"


class RetentionRun(models.Model):
    """One deletion of all that has outlived its time: how far it is, and what it deleted."""

    # One a day by itself; None for those that staff start.
    day = models.DateField(null=True, unique=True)
    at = models.DateTimeField(help_text="The time at which data are judged.")
    last_profile_id = models.BigIntegerField(default=0)
    counts = models.JSONField(default=dict, help_text="Deleted rows by unit.")
    emptied = ArrayField(models.CharField(max_length=63), default=list)
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)
    lease = models.UUIDField(null=True, editable=False)
    leased_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"run of {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def total(self) -> int:
        """How many rows it deleted."""
        return sum(self.counts.values())
