"""Write keys, the inbox, rejected messages, and what sources' consent categories mean."""

from uuid import uuid4

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from consent.models import Purpose
from profiles.models import Source, TrustLevel


class WriteKey(models.Model):
    """A key of a source, by which messages are sent and nothing is read.

    A public key is in browsers and apps, where anybody can read it: its messages are claims.
    """

    class Kind(models.TextChoices):
        PUBLIC = "public", _("public (browser, app)")
        SECRET = "secret", _("secret (server)")

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="write_keys")
    kind = models.CharField(max_length=8, choices=Kind)
    prefix = models.CharField(max_length=16, unique=True, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(db_default=Now())
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["source", "-created_at"]

    def __str__(self) -> str:
        return f"{self.source}: {self.prefix}…"

    @property
    def trust(self) -> TrustLevel:
        return TrustLevel.SERVER if self.kind == self.Kind.SECRET else TrustLevel.CLAIM


class SigningSecret(models.Model):
    """A secret of a source, by which a company's server proves to whom a page's messages belong.

    The secret itself is derived from `salt` and the key of the installation, and not stored.
    """

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="signing_secrets")
    prefix = models.CharField(max_length=16, unique=True, editable=False)
    salt = models.UUIDField(editable=False)
    created_at = models.DateTimeField(db_default=Now())
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["source", "-created_at"]

    def __str__(self) -> str:
        return f"{self.source}: {self.prefix}…"


class InboxRow(models.Model):
    """One accepted request, as it was sent. Its 200 was sent once this row was committed.

    `lease` is the token of the worker that has the row until `leased_until`. Invariant: only that
    worker may delete the row.
    """

    # No constraint in the database, which would lock the source's row on every request.
    source = models.ForeignKey(
        Source, on_delete=models.CASCADE, db_constraint=False, related_name="+"
    )
    trust = models.PositiveSmallIntegerField(choices=TrustLevel)
    body = models.BinaryField(help_text="The request's JSON, lz4 compressed.")
    message_count = models.PositiveIntegerField()
    is_opted_out = models.BooleanField(default=False, help_text="Sent with Sec-GPC: 1.")
    received_at = models.DateTimeField(db_default=Now())
    attempts = models.PositiveSmallIntegerField(default=0)
    ended = models.PositiveSmallIntegerField(
        db_default=0, help_text="How many of its messages ended when they were tried one by one."
    )
    first_arrival = models.BigIntegerField(
        null=True, editable=False, help_text="Of a replayed message: its place when it first came."
    )
    # Of a part of an imported file. No foreign key, which would lock the import on every insert.
    file_import_id = models.BigIntegerField(null=True, editable=False)
    # Drawn anew for each lease, so that a worker that lost the row to another one cannot finish it.
    lease = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.message_count} messages of {self.received_at}"


class DrainPause(models.Model):
    """That the drain stands still, since when, and which type of error stopped it.

    At most one row. Requests are accepted meanwhile; from time to time one is tried.
    """

    error = models.CharField(max_length=120)
    paused_at = models.DateTimeField(db_default=Now())
    probe_at = models.DateTimeField(db_default=Now())
    probes = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.error} since {self.paused_at}"


class RejectedMessage(models.Model):
    """One rejected message, with the reason and the path of the fault.

    It can be mended and replayed. If it is rejected once more, the row has the new reason and is
    open again; else `outcome` says what became of it.
    """

    class Outcome(models.TextChoices):
        NONE = "", _("none yet")
        STORED = "stored", _("stored")
        REPEAT = "repeat", _("a repeat of a message that was stored")
        DROPPED = "dropped", _("dropped, since its person was erased")

    uuid = models.UUIDField(unique=True, default=uuid4, editable=False)
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="rejected_messages")
    trust = models.PositiveSmallIntegerField(choices=TrustLevel)
    # No foreign key: the row is deleted once its messages are drained.
    inbox_row_id = models.BigIntegerField(editable=False)
    place = models.PositiveIntegerField(help_text="Its place in the batch, from 0.")
    message_id = models.CharField(max_length=255, blank=True)
    type = models.CharField(max_length=32, blank=True)
    code = models.CharField(max_length=64)
    path = models.CharField(max_length=255, blank=True)
    detail = models.TextField(blank=True)
    body = models.BinaryField(help_text="The message's JSON, lz4 compressed.")
    names = ArrayField(
        models.BigIntegerField(),
        null=True,
        editable=False,
        help_text="Keyed hashes of whom it names or mentions; null where nobody looked yet.",
    )
    received_at = models.DateTimeField()
    rejected_at = models.DateTimeField(db_default=Now())
    is_opted_out = models.BooleanField(db_default=False, help_text="Sent with Sec-GPC: 1.")
    mended_at = models.DateTimeField(null=True)
    replayed_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=8, blank=True, db_default="", choices=Outcome)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["source", "code"], name="rejected_message_code"),
            GinIndex(fields=["names"], name="rejected_message_names"),
            models.Index(fields=["source", "rejected_at"], name="rejected_message_day"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["inbox_row_id", "place"], name="rejected_message_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.code} at {self.path or '-'}"


class ConsentCategory(models.Model):
    """The purpose that a consent category in a source's messages means.

    A category without a row means the purpose with the same key.
    """

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="consent_categories")
    category = models.CharField(max_length=120)
    purpose = models.ForeignKey(Purpose, on_delete=models.CASCADE, related_name="+")

    class Meta:
        ordering = ["source", "category"]
        verbose_name_plural = "consent categories"
        constraints = [
            models.UniqueConstraint(fields=["source", "category"], name="consent_category_unique")
        ]

    def __str__(self) -> str:
        return f"{self.category}: {self.purpose}"

    @property
    def audit_key(self) -> str:
        """The key under which audit entries name it."""
        return f"{self.source.key}/{self.category}"


class MessageCount(models.Model):
    """How many messages of a source that came in an hour ended in one way.

    Each accepted message is counted once; a replay of a rejected one is not.
    """

    class Outcome(models.TextChoices):
        STORED = "stored", _("stored")
        REPEAT = "repeat", _("repeats")
        DROPPED = "dropped", _("dropped")
        REJECTED = "rejected", _("rejected")

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="message_counts")
    hour = models.DateTimeField(help_text="The full hour in which the messages were received.")
    outcome = models.CharField(max_length=8, choices=Outcome)
    count = models.BigIntegerField()

    class Meta:
        ordering = ["-hour"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "hour", "outcome"], name="message_count_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.outcome}"


class RecentMessage(models.Model):
    """One of the last messages of a source, for staff to see what it sends.

    `body` is what was taken of it. Of what was dropped nothing is kept but when, and of what was
    rejected the reason.
    """

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="recent_messages")
    received_at = models.DateTimeField()
    outcome = models.CharField(max_length=8, choices=MessageCount.Outcome)
    type = models.CharField(max_length=32, blank=True)
    name = models.CharField(max_length=255, blank=True)
    code = models.CharField(max_length=64, blank=True)
    body = models.BinaryField(help_text="What was taken, as JSON, lz4 compressed.")

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["source", "-id"], name="recent_message_latest")]

    def __str__(self) -> str:
        return f"{self.type} {self.outcome}"


class DroppedCount(models.Model):
    """How often something that a source sent on a day was dropped, by reason.

    Of messages of erased people ("suppressed") nothing else is kept. Other reasons name a part that
    was left out of a message that was taken, such as a timestamp that cannot be read.
    """

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="dropped_counts")
    day = models.DateField()
    reason = models.CharField(max_length=32)
    count = models.BigIntegerField()

    class Meta:
        ordering = ["-day"]
        constraints = [
            models.UniqueConstraint(fields=["source", "day", "reason"], name="dropped_count_unique")
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.reason}"
