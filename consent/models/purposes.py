"""Purposes of processing, their versions, and the notices that people were shown."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class LegalBasis(models.TextChoices):
    """The legal bases of article 6(1) GDPR."""

    CONSENT = "consent", _("consent")
    CONTRACT = "contract", _("contract")
    LEGAL_OBLIGATION = "legal_obligation", _("legal obligation")
    VITAL_INTEREST = "vital_interest", _("vital interest")
    PUBLIC_TASK = "public_task", _("public task")
    LEGITIMATE_INTEREST = "legitimate_interest", _("legitimate interest")


class Purpose(models.Model):
    """One reason to process personal data.

    The texts are in its versions. The fields here are those of the current version that the gate
    reads. A consent to a version before `minimum_version`, the last one that changed in
    substance, no longer permits anything.
    """

    key = models.CharField(
        max_length=63, unique=True, validators=[RegexValidator(r"^[a-z][a-z0-9_-]{0,62}$")]
    )
    # Copies of the current version's fields, so that the gate joins one table less.
    legal_basis = models.CharField(max_length=24, choices=LegalBasis)
    is_direct_marketing = models.BooleanField(default=False)
    current_version = models.PositiveIntegerField(default=1)
    minimum_version = models.PositiveIntegerField(default=1)
    replaces = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Who said no to that purpose has objected to this one.",
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.key


class PurposeVersion(models.Model):
    """The terms of a purpose from a time on. Insert only: triggers refuse every change."""

    purpose = models.ForeignKey(Purpose, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    text = models.TextField()
    legal_basis = models.CharField(max_length=24, choices=LegalBasis)
    special_basis = models.CharField(
        max_length=120, blank=True, help_text="The basis of article 9, where data are special."
    )
    is_direct_marketing = models.BooleanField(default=False)
    is_substantial = models.BooleanField(
        default=True, help_text="Earlier consents must be asked for again."
    )
    validity = models.CharField(
        max_length=32,
        blank=True,
        help_text="How long a consent lasts, such as P13M.",
    )
    minimum_age = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text="For who is younger a guardian consents (article 8), in years.",
    )
    categories = ArrayField(models.CharField(max_length=120), default=list, blank=True)
    recipients = ArrayField(models.CharField(max_length=120), default=list, blank=True)
    retention = models.CharField(max_length=200, blank=True)
    is_profiling = models.BooleanField(default=False)
    is_automated_decision = models.BooleanField(default=False)
    transfer_countries = ArrayField(models.CharField(max_length=2), default=list, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["purpose", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["purpose", "number"], name="purpose_version_unique")
        ]

    def __str__(self) -> str:
        return f"{self.title} (version {self.number})"


class NoticeVersion(models.Model):
    """One notice, byte for byte as people were shown it, with its SHA-256.

    Insert only: triggers refuse every change.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.CharField(max_length=63)
    language = models.CharField(max_length=16)
    content = models.TextField()
    digest = models.CharField(max_length=64, editable=False)
    shown_from = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["key", "language", "-shown_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["key", "language", "digest"], name="notice_version_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.key} ({self.language}, {self.digest[:8]})"
