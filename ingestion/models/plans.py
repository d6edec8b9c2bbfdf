"""Tracking plans of sources, and how often what was taken broke them."""

from django.db import models
from django.db.models.functions import Now

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
    """How many messages of a source and day were taken that break its plan.

    `event` is a name of the plan or a type of call; of names that are not in it, empty: anybody
    can invent those.
    """

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="plan_breaches")
    day = models.DateField()
    event = models.CharField(max_length=255, blank=True)
    count = models.BigIntegerField()

    class Meta:
        ordering = ["-day"]
        verbose_name_plural = "plan breaches"
        constraints = [
            models.UniqueConstraint(fields=["source", "day", "event"], name="plan_breach_unique")
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.event or '-'}"
