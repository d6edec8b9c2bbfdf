"""Destinations: tools that are kept in step with who is in segments.

A destination is a receiver like a webhook, whose outbox, pauses and log it shares; what it is sent
is the state of a person, not an event. Invariant: what a tool knows somebody by is stored sealed;
the key of it in `Told` is a keyed digest that is different at each destination.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from consent.models import Purpose
from segments.models.webhooks import Webhook


class Destination(Webhook):
    """A tool that gets the people in some segments, as its mapping says, and loses those who leave.

    `settings` are those of the tool, `sealed_credentials` its secrets, which nobody is shown again.
    No call is made before `next_call_at`, by which the tool's rate is kept. `sealed_token` is what
    the tool lent for a while in exchange for the credentials.
    """

    tool = models.CharField(max_length=32, editable=False, verbose_name=_("tool"))
    settings = models.JSONField(default=dict)
    sealed_credentials = models.BinaryField(editable=False)
    mapping = models.JSONField(default=dict, verbose_name=_("mapping"))
    # Keys of its segments: whoever is in several of these is sent for the first alone.
    priority = models.JSONField(default=list, blank=True, verbose_name=_("priority"))
    only_vouched = models.BooleanField(default=False, verbose_name=_("vouched identifiers only"))
    next_call_at = models.DateTimeField(null=True, editable=False)
    sealed_token = models.BinaryField(null=True, editable=False)
    token_until = models.DateTimeField(null=True, editable=False)


class KeyHolder(models.Model):
    """Somebody whom a destination is to know by a key. Several people may share one."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="key_holders")
    key = models.UUIDField()
    subject_id = models.BigIntegerField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["webhook", "subject_id", "key"], name="key_holder_once")
        ]
        indexes = [models.Index(fields=["webhook", "key"], name="key_holder_key")]

    def __str__(self) -> str:
        return f"profile {self.subject_id} at webhook {self.webhook_id}"


class HandedPerson(models.Model):
    """Somebody whom an automation handed to a destination, by their public UUID, for its purpose.

    They are there like a member of its segments, until an automation takes them out.
    """

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="handed_people")
    key = models.UUIDField(db_index=True)
    purpose = models.ForeignKey(Purpose, on_delete=models.PROTECT, related_name="+")
    handed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["webhook", "key", "purpose"], name="handed_person_once")
        ]

    def __str__(self) -> str:
        return f"key {self.key} at webhook {self.webhook_id}"
