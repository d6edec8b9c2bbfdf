"""API keys and their scopes."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Scope(models.TextChoices):
    """What an API key may do."""

    EVENTS_WRITE = "events:write", _("send events")
    PROFILES_READ = "profiles:read", _("read profiles")
    PROFILES_WRITE = "profiles:write", _("correct profiles")
    SEGMENTS_READ = "segments:read", _("read segments")
    SEGMENTS_WRITE = "segments:write", _("define segments")
    CONSENT_READ = "consent:read", _("read consents")
    CONSENT_WRITE = "consent:write", _("record consents")
    PRIVACY_ACT = "privacy:act", _("act for customers")
    PRIVACY_ADMIN = "privacy:admin", _("administer privacy and sources")


class ApiKey(models.Model):
    """An API key of one service. The secret is not stored, only its SHA-256 and its prefix.

    One with `purposes` reads a person only while all of these are permitted.
    """

    name = models.CharField(max_length=120)
    prefix = models.CharField(max_length=16, unique=True, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = ArrayField(models.CharField(max_length=32, choices=Scope))
    # Keys of purposes, which belong to the app above.
    purposes = ArrayField(models.CharField(max_length=63), default=list, db_default=[], blank=True)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name", "-created_at"]
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class StaffPreference(models.Model):
    """The language in which a member of staff reads the admin, wherever they sign in."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        primary_key=True,
        on_delete=models.CASCADE,
        related_name="preference",
    )
    language = models.CharField(max_length=8)

    def __str__(self) -> str:
        return f"{self.language} for user {self.user_id}"
