"""Names of properties and traits that are never taken."""

from django.core.validators import ProhibitNullCharactersValidator
from django.db import models
from django.db.models.functions import Now

from profiles.models import Source


class ForbiddenName(models.Model):
    """One name; what one source, or any, sends under it is dropped and counted."""

    name = models.CharField(
        max_length=255,
        validators=[ProhibitNullCharactersValidator()],
        help_text="As it is written in messages: another case is another name.",
    )
    source = models.ForeignKey(
        Source,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="From which it is not taken. Empty: from no source.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["name", "source"], name="forbidden_name_unique", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def audit_key(self) -> str:
        """The key under which audit entries name it."""
        return f"{self.source.key}/{self.name}" if self.source else self.name
