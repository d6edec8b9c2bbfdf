"""Pools of codes, such as vouchers: each code is given to one person at most.

Invariant: a code that was given is never free again, also once the person is erased.
"""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now


class CodePool(models.Model):
    """Codes of one kind. `event` with the code in its `property` says that one was redeemed.

    Nothing is given after `expires_at`. Staff are told once fewer than `alert_below` are free.
    """

    key = models.CharField(
        max_length=63, unique=True, validators=[RegexValidator(r"^[a-z][a-z0-9_-]{0,62}$")]
    )
    name = models.CharField(max_length=120)
    expires_at = models.DateTimeField(null=True, blank=True)
    alert_below = models.PositiveIntegerField(default=0)
    event = models.CharField(max_length=200, blank=True)
    property = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Code(models.Model):
    """One code. It is free until `given_at`, and then of who has the public UUID `key`.

    Without a key and with a time it was given to somebody who is erased. Like runs of automations,
    codes lie on the coordinator of a cluster.
    """

    pool = models.ForeignKey(CodePool, on_delete=models.CASCADE, related_name="codes")
    text = models.CharField(max_length=64)
    key = models.UUIDField(null=True, db_index=True)
    given_at = models.DateTimeField(null=True)
    redeemed_at = models.DateTimeField(null=True)
    added_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["pool", "text"], name="code_once"),
            models.UniqueConstraint(
                fields=["pool", "key"], condition=models.Q(key__isnull=False), name="code_of_person"
            ),
        ]
        indexes = [
            models.Index(
                fields=["pool", "id"], condition=models.Q(given_at__isnull=True), name="code_free"
            )
        ]

    def __str__(self) -> str:
        return f"code {self.pk} of pool {self.pool_id}"
