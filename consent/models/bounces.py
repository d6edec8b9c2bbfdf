"""Addresses that mail came back from."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class BouncedAddress(models.Model):
    """One e-mail address that mail came back from, as a keyed hash.

    The key is not in the database, so that the hash alone cannot be tested against guesses.
    `soft_days` are the days on which mail came back for now only. Nothing is sent from `blocked_at`
    on, until staff lift it; what came back before `lifted_at` says nothing any more.
    """

    class Kind(models.TextChoices):
        HARD = "hard", _("no such mailbox")
        SOFT = "soft", _("came back for now")

    digest = models.BinaryField(max_length=32, unique=True)
    kind = models.CharField(max_length=4, choices=Kind)
    soft_days = models.PositiveSmallIntegerField(default=0)
    last_at = models.DateTimeField()
    blocked_at = models.DateTimeField(null=True)
    lifted_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "bounced addresses"

    def __str__(self) -> str:
        return f"bounced address {self.pk}"
