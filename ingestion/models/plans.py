"""Tracking plans of sources, and how often messages broke them."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import pgettext_lazy

from profiles.models import Source


class TrackingPlan(models.Model):
    """One version of what a source should send. The newest is in force; none is ever changed."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="tracking_plans")
    version = models.PositiveIntegerField(editable=False)
    content = models.JSONField(help_text="Events and calls, each with a JSON Schema and a policy.")
    digest = models.CharField(max_length=64, editable=False, help_text="SHA-256 of the content.")
    made_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["source", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["source", "version"], name="tracking_plan_unique")
        ]
        indexes = [models.Index(fields=["digest"], name="tracking_plan_digest")]

    def __str__(self) -> str:
        return f"{self.source} {self.version}"


class PlanBreach(models.Model):
    """How many messages of a source and day broke its plan in one way.

    `event` is a name of the plan or a type of call; of names that are not in it, empty: anybody
    can invent those. `path` likewise has names of the plan, and `*` for others. A refused message
    that is replayed is not counted as refused again.
    """

    class Policy(models.TextChoices):
        FLAG = "flag", pgettext_lazy("message", "flagged")
        REFUSE = "refuse", pgettext_lazy("message", "refused")

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="plan_breaches")
    day = models.DateField()
    event = models.CharField(max_length=255, blank=True)
    policy = models.CharField(max_length=8, choices=Policy, db_default=Policy.FLAG)
    path = models.CharField(max_length=255, blank=True, db_default="")
    count = models.BigIntegerField()

    class Meta:
        ordering = ["-day"]
        verbose_name_plural = "plan breaches"
        constraints = [
            models.UniqueConstraint(
                fields=["source", "day", "event", "policy", "path"], name="plan_breach_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.event or '-'} {self.path}"
