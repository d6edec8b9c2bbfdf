"""Exports of the members of a segment: who took what, for which purpose, and how far each is."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from consent.models import Purpose
from profiles.lib.exact_json import ExactDecoder, ExactEncoder
from segments.models.segments import Segment


class MemberExport(models.Model):
    """One export of members, while it is written and after. Its file is stored nowhere.

    `read` counts the members that were looked at, `written` those of them who permitted the purpose
    at that instant, and `left_out` by reason how many did not.
    """

    class Format(models.TextChoices):
        CSV = "csv", "CSV"
        JSON_LINES = "jsonl", _("JSON lines")
        PARQUET = "parquet", "Parquet"

    class State(models.TextChoices):
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        STOPPED = "stopped", _("stopped")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="exports")
    purpose = models.ForeignKey(Purpose, on_delete=models.PROTECT, related_name="+")
    # As `profiles.services.Actor` writes them.
    actor = models.CharField(max_length=120)
    format = models.CharField(max_length=8, choices=Format)
    columns = ArrayField(models.CharField(max_length=270))
    members = models.BigIntegerField()
    read = models.BigIntegerField(default=0)
    written = models.BigIntegerField(default=0)
    left_out = models.JSONField(default=dict, encoder=ExactEncoder, decoder=ExactDecoder)
    state = models.CharField(max_length=8, choices=State, default=State.RUNNING)
    started_at = models.DateTimeField(db_default=Now())
    # When the last batch was read, which a running export says it lives by.
    moved_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-started_at"]
        verbose_name = "export"
        indexes = [models.Index(fields=["segment", "-started_at"], name="member_export_segment")]

    def __str__(self) -> str:
        return f"{self.format} of {self.written}"

    @property
    def left_out_count(self) -> int:
        return sum(self.left_out.values())

    @property
    def percent(self) -> int:
        """How far it is, of 100."""
        return min(100, 100 * self.read // self.members) if self.members else 100
