"""Requests about many people at once, which a second person approves."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _


class BulkRequest(models.Model):
    """Privacy requests of one kind that staff want to open for many people.

    `person_ids` are the identifiers that have the people's public UUIDs, in the order in which
    their requests are opened; `opened` counts those that were gone through.
    """

    class State(models.TextChoices):
        OPEN = "open", _("waits for a second person")
        NOT_NEEDED = "not_needed", _("needs no second person")
        APPROVED = "approved", _("approved")
        DECLINED = "declined", _("declined")
        BROKEN_GLASS = "broken_glass", _("without a second person")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=16)
    reason = models.TextField()
    person_ids = ArrayField(models.BigIntegerField())
    state = models.CharField(max_length=16, choices=State, default=State.OPEN)
    # Actors such as `staff:3`, since accounts end and this stays.
    requested_by = models.CharField(max_length=120)
    requested_at = models.DateTimeField()
    decided_by = models.CharField(max_length=120, blank=True)
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.TextField(blank=True)
    opened = models.PositiveIntegerField(default=0)
    # When officers were told that no second person had approved it.
    alerted_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-requested_at", "-id"]

    def __str__(self) -> str:
        return f"bulk request {self.pk}"
