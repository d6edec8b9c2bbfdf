"""Mailed links by which somebody confirms what they asked for with an address."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from consent.models.purposes import NoticeVersion


class Confirmation(models.Model):
    """A mailed link by which somebody confirms that an address is theirs, or undoes a change.

    The address may be one that nobody may store, so it lies here sealed until the mail is sent, and
    then only in the link. `address_digest` is keyed. The token is stored as a digest; until the
    mail is sent there is a random placeholder.
    """

    class Kind(models.TextChoices):
        OPT_IN = "opt_in", _("consent by double opt-in")
        GUARDIAN = "guardian", _("consent by a guardian")
        NEW_ADDRESS = "new_address", _("new address of a customer")
        UNDO = "undo", _("undoing a change of address")

    kind = models.CharField(max_length=16, choices=Kind)
    token_digest = models.CharField(max_length=64, unique=True)
    address_digest = models.CharField(max_length=64, db_index=True)
    sealed_address = models.BinaryField(null=True)
    language = models.CharField(max_length=16)
    # What an opt-in permits, and the words that were shown.
    purpose_ids = ArrayField(models.BigIntegerField(), default=list)
    notice = models.ForeignKey(NoticeVersion, null=True, on_delete=models.PROTECT, related_name="+")
    # The request that a new address belongs to. No foreign keys here: both may go before the row.
    request_id = models.UUIDField(null=True)
    # What an undo takes away from the profile again, or for whom a guardian decides.
    identifier_id = models.BigIntegerField(null=True)
    requested_by = models.CharField(max_length=120)
    created_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.kind} of {self.created_at:%Y-%m-%d %H:%M}"
