"""Exports of people: who took whom, for which purpose, and how far each is."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from consent.models import Purpose
from profiles.lib.exact_json import ExactDecoder, ExactEncoder
from profiles.models import Identifier, Profile
from segments.models.lists import StaticList
from segments.models.segments import Segment


class MemberExport(models.Model):
    """One export of people, from when it is asked for. Its file is stored nowhere.

    The people are the members of a segment, those on a list, or those for whom a definition holds.
    `read` counts whom of them was looked at, `written` those who permitted the purpose at that
    instant, and `left_out` by reason how many did not. Of a definition everybody is looked at, so
    that `members` is an estimate.

    One that is `ready` is fetched once, by who asked for it or by a link whose code has the digest
    `link_digest`, until `expires_at`. `recipient` is the public key of age that the file is
    encrypted for.
    """

    class Format(models.TextChoices):
        CSV = "csv", "CSV"
        JSON_LINES = "jsonl", _("JSON lines")
        PARQUET = "parquet", "Parquet"

    class State(models.TextChoices):
        WAITING = "waiting", _("waits for a second person")
        DECLINED = "declined", _("declined")
        READY = "ready", _("ready to be fetched")
        WITHDRAWN = "withdrawn", _("withdrawn")
        EXPIRED = "expired", _("not fetched in time")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        STOPPED = "stopped", _("stopped")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    # That of the segment or list when it was asked for, which may be deleted since.
    name = models.CharField(max_length=120, blank=True, default="", db_default="")
    segment = models.ForeignKey(
        Segment, null=True, on_delete=models.CASCADE, related_name="exports"
    )
    list = models.ForeignKey(
        StaticList, null=True, on_delete=models.SET_NULL, related_name="exports"
    )
    definition = models.JSONField(null=True, encoder=ExactEncoder, decoder=ExactDecoder)
    purpose = models.ForeignKey(Purpose, on_delete=models.PROTECT, related_name="+")
    # As `profiles.services.Actor` writes them.
    actor = models.CharField(max_length=120)
    reason = models.TextField(blank=True, default="", db_default="")
    format = models.CharField(max_length=8, choices=Format)
    columns = ArrayField(models.CharField(max_length=270))
    is_masked = models.BooleanField(default=False, db_default=False)
    recipient = models.CharField(max_length=2000, blank=True, default="", db_default="")
    members = models.BigIntegerField()
    read = models.BigIntegerField(default=0)
    written = models.BigIntegerField(default=0)
    left_out = models.JSONField(default=dict, encoder=ExactEncoder, decoder=ExactDecoder)
    state = models.CharField(max_length=9, choices=State, default=State.RUNNING)
    decided_by = models.CharField(max_length=120, blank=True, default="", db_default="")
    decided_at = models.DateTimeField(null=True)
    link_digest = models.CharField(max_length=64, blank=True, default="", db_default="")
    expires_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(db_default=Now())
    # When the last batch was read, which a running export says it lives by.
    moved_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-started_at"]
        verbose_name = "export"
        indexes = [
            models.Index(fields=["segment", "-started_at"], name="member_export_segment"),
            models.Index(
                fields=["expires_at"],
                condition=models.Q(state__in=("waiting", "ready")),
                name="member_export_to_expire",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["link_digest"],
                condition=~models.Q(link_digest=""),
                name="member_export_link_once",
            ),
            models.CheckConstraint(
                # A JSON field that equals None is the JSON `null`.
                condition=models.Q(segment__isnull=True, list__isnull=True)
                | models.Q(segment__isnull=True, definition__isnull=True)
                | models.Q(list__isnull=True, definition__isnull=True),
                name="member_export_of_one",
            ),
        ]

    def __str__(self) -> str:
        return self.name or str(self.get_format_display())

    @property
    def left_out_count(self) -> int:
        return sum(self.left_out.values())

    @property
    def percent(self) -> int:
        """How far it is, of 100."""
        if self.state == self.State.DONE or not self.members:
            return 100
        return min(100, 100 * self.read // self.members)


class ExportedPerson(models.Model):
    """One person was in the file of an export of a list or a definition.

    Who was in that of a segment is told by its history. The row hangs on the public UUID, so that
    an unmerge gives it back to whom it was about.
    """

    pk = models.CompositePrimaryKey("profile_id", "export_id", "identifier_id")
    profile = models.ForeignKey(Profile, on_delete=models.DO_NOTHING, related_name="exportings")
    # The export lies on one machine and the person on another.
    export = models.ForeignKey(
        MemberExport,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="people",
    )
    identifier = models.ForeignKey(
        Identifier, on_delete=models.DO_NOTHING, db_constraint=False, related_name="exportings"
    )
    written_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"profile {self.profile_id} in export {self.export_id}"
