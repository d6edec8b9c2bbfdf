"""Queries of other databases whose rows become messages, and their runs."""

from uuid import uuid4

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from ingestion.models.imports import FileImport
from profiles.models import Source


class SqlSource(models.Model):
    """A query that is asked again at intervals, for the rows that came since.

    `position` is the value of the cursor column up to which rows were read. The next run begins
    `look_back_minutes` before it, since rows may become visible later than their time says.
    Without a cursor column the whole query is read each time, and what is new or changed is taken.
    Invariant: the address is stored sealed and never shown; `place` is what of it names nobody.
    """

    class State(models.TextChoices):
        ACTIVE = "active", _("active")
        PAUSED = "paused", _("paused")

    uuid = models.UUIDField(unique=True, default=uuid4, editable=False)
    name = models.CharField(max_length=120)
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="sql_sources")
    sealed_url = models.BinaryField(editable=False)
    place = models.CharField(
        max_length=255, editable=False, help_text="Dialect, host and database of the address."
    )
    query = models.TextField(help_text="One SELECT, without a semicolon.")
    cursor_column = models.CharField(
        max_length=255,
        blank=True,
        help_text="A column of the query that only grows, such as updated_at; none reads all.",
    )
    look_back_minutes = models.PositiveIntegerField(
        default=60, help_text="How much later than their time rows may become visible."
    )
    mapping = models.JSONField(default=dict, help_text="What the columns mean.")
    interval_minutes = models.PositiveIntegerField(
        default=60, help_text="From the end of a run to the next."
    )
    position = models.JSONField(null=True, blank=True, editable=False)
    state = models.CharField(max_length=6, choices=State, default=State.ACTIVE, editable=False)
    pause_reason = models.CharField(
        max_length=63, blank=True, editable=False, help_text="staff, or the last fault."
    )
    failures = models.PositiveSmallIntegerField(
        default=0, editable=False, help_text="Failed runs in a row."
    )
    fault = models.CharField(
        max_length=63, blank=True, editable=False, help_text="Why the last run failed."
    )
    next_at = models.DateTimeField(db_default=Now(), editable=False, db_index=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    # Drawn anew for each lease, so that a worker that lost the source to another reads no further.
    lease = models.UUIDField(null=True, editable=False)
    leased_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["name", "id"]
        verbose_name = "SQL source"

    def __str__(self) -> str:
        return self.name


class SqlRun(models.Model):
    """One run of a SQL source. Its rows are accounted for by an import, once there are any.

    `position` is how far this run has read: whoever follows a killed worker reads on from there.
    """

    sql_source = models.ForeignKey(SqlSource, on_delete=models.CASCADE, related_name="runs")
    file_import = models.OneToOneField(
        FileImport, on_delete=models.CASCADE, null=True, related_name="sql_run"
    )
    position = models.JSONField(null=True, editable=False)
    without_cursor = models.BigIntegerField(
        default=0, help_text="Rows that have no value in the cursor column, which are not read."
    )
    same = models.BigIntegerField(
        default=0, help_text="Without a cursor: rows that are as they were at the last reading."
    )
    vanished = models.BigIntegerField(
        default=0,
        help_text="Without a cursor: rows that are gone, or have changed. None is deleted.",
    )
    fault = models.CharField(max_length=63, blank=True, help_text="Why it failed.")
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "run of a SQL source"
        verbose_name_plural = "runs of SQL sources"
        constraints = [
            models.UniqueConstraint(
                fields=["sql_source"],
                condition=models.Q(finished_at=None),
                name="sql_run_one_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"{self.sql_source} {self.started_at:%Y-%m-%d %H:%M}"


class SqlRow(models.Model):
    """A row as it was at the last reading of a query without a cursor, by a keyed digest.

    `first_run` is the run that stored it: whoever follows a killed worker knows its rows by it.
    """

    sql_source = models.ForeignKey(SqlSource, on_delete=models.CASCADE, related_name="+")
    digest = models.BinaryField(max_length=16)
    first_run = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["sql_source", "digest"], name="sql_row_unique")
        ]

    def __str__(self) -> str:
        return f"{self.sql_source}: {bytes(self.digest).hex()}"
