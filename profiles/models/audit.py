"""Who changed what."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from profiles.models.identity import Identifier


class ActorKind(models.TextChoices):
    """What kind of somebody acts.

    The id beside it is that of a user or an API key, or the name of a program.
    """

    STAFF = "staff", _("staff")
    SERVICE = "service", _("a service")
    CUSTOMER = "customer", _("a customer")
    SYSTEM = "system", _("Tessera itself")


class AuditEntry(models.Model):
    """One change, who made it and what it was of.

    Written in the transaction of the change, and never changed.

    `changes` has what was and what is of configuration, and only the names of what changed of a
    person. What is personal about an entry lies in its `AuditBody`.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField(db_default=Now())
    actor_kind = models.CharField(max_length=16, choices=ActorKind)
    actor_id = models.CharField(max_length=120, blank=True)
    verb = models.CharField(max_length=64)
    object_type = models.CharField(max_length=64)
    object_key = models.CharField(max_length=255, blank=True)
    changes = models.JSONField(default=dict)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["object_type", "object_key"], name="audit_entry_object"),
            models.Index(fields=["actor_kind", "actor_id"], name="audit_entry_actor"),
            models.Index(fields=["at"], name="audit_entry_at"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} by {self.actor_kind} {self.actor_id}"


class AuditBody(models.Model):
    """What may be personal about an audit entry: the reason, and the person whom it is about.

    Erasure deletes it.

    The person is named by the identifier of namespace `profile`, so that the body goes with it on
    merge and unmerge.
    """

    entry = models.OneToOneField(
        AuditEntry, primary_key=True, on_delete=models.CASCADE, related_name="body"
    )
    identifier = models.ForeignKey(
        Identifier,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="audit_bodies",
    )
    object_key = models.CharField(max_length=255, blank=True)
    reason = models.TextField(blank=True)
    # Of things that are about several people, such as a verdict: of whom the reason may speak.
    identifier_ids = ArrayField(models.BigIntegerField(), default=list)

    class Meta:
        indexes = [GinIndex(fields=["identifier_ids"], name="audit_body_identifiers")]

    def __str__(self) -> str:
        return f"body of {self.entry_id}"
