"""Files whose rows become messages: the upload, the progress, and the rows that were refused."""

from uuid import uuid4

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from profiles.models import Source
from profiles.models.sources import KEY_VALIDATOR


class FileImport(models.Model):
    """One file of rows, from its upload until its rows are in the store.

    Invariant: `stored`, `unchanged`, `refused` and `dropped` count rows that have ended, each once,
    and add up to `rows` once the import is done. `chunks` says how far the file was read.
    """

    class Status(models.TextChoices):
        UPLOADING = "uploading", _("uploading")
        UPLOADED = "uploaded", _("uploaded")
        READING = "reading", _("being read")
        # Of rows that a query brings, for which there is no file: a run of a SQL source.
        QUERYING = "querying", _("being queried")
        APPLYING = "applying", _("taking effect")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    uuid = models.UUIDField(unique=True, default=uuid4, editable=False)
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="file_imports")
    name = models.CharField(max_length=255, help_text="The name of the file.")
    size = models.BigIntegerField(help_text="Bytes of the whole file.")
    digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of its bytes.")
    status = models.CharField(max_length=10, choices=Status, default=Status.UPLOADING)
    reading = models.JSONField(
        default=dict, blank=True, help_text="Format, encoding, delimiter, header and sheet."
    )
    mapping = models.JSONField(default=dict, blank=True, help_text="What the columns mean.")
    formats = models.JSONField(
        default=dict, blank=True, help_text="Of columns for which the mapping has none."
    )
    rows = models.BigIntegerField(default=0, help_text="Rows read so far.")
    chunks = models.PositiveIntegerField(default=0, help_text="Parts of the file read so far.")
    stored = models.BigIntegerField(default=0)
    unchanged = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    dropped = models.BigIntegerField(default=0)
    fault = models.CharField(max_length=255, blank=True, help_text="Why it failed.")
    created_by = models.CharField(max_length=80, blank=True, help_text="Such as staff:3.")
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    # Drawn anew for each lease, so that a worker that lost the file to another reads no further.
    lease = models.UUIDField(null=True, editable=False)
    leased_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name

    @property
    def ended(self) -> int:
        """How many rows have ended, in whatever way."""
        return self.stored + self.unchanged + self.refused + self.dropped


class ImportPart(models.Model):
    """A piece of an uploaded file, kept until the file was read or has expired."""

    file_import = models.ForeignKey(FileImport, on_delete=models.CASCADE, related_name="parts")
    offset = models.BigIntegerField(help_text="The place of its first byte in the file.")
    content = models.BinaryField()

    class Meta:
        ordering = ["offset"]
        constraints = [
            models.UniqueConstraint(fields=["file_import", "offset"], name="import_part_unique")
        ]

    def __str__(self) -> str:
        return f"{self.file_import_id}@{self.offset}"


class RefusedRow(models.Model):
    """One row of a file that could not be taken, with the reason and the column of the fault."""

    file_import = models.ForeignKey(
        FileImport, on_delete=models.CASCADE, related_name="refused_rows"
    )
    number = models.BigIntegerField(help_text="Its number in the file; a header is row 1.")
    code = models.CharField(max_length=64)
    column = models.CharField(max_length=255, blank=True)
    detail = models.TextField(blank=True)
    cells = models.BinaryField(help_text="The row's cells by column, as JSON, lz4 compressed.")

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["file_import", "number"], name="refused_row_unique")
        ]

    def __str__(self) -> str:
        return f"row {self.number}: {self.code}"


class SavedMapping(models.Model):
    """A mapping of columns under a name, to be used for the next file of the same shape."""

    key = models.CharField(max_length=63, unique=True, validators=[KEY_VALIDATOR])
    mapping = models.JSONField()
    reading = models.JSONField(
        default=dict, blank=True, help_text="How files are read, where it is not found out."
    )

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.key
