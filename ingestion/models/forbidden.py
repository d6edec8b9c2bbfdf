"""Names of properties and traits that are never taken."""

from django.core.validators import ProhibitNullCharactersValidator
from django.db import models
from django.db.models.functions import Now


class ForbiddenName(models.Model):
    """One name; what any source sends under it is dropped before it is stored, and counted."""

    name = models.CharField(
        max_length=255,
        unique=True,
        validators=[ProhibitNullCharactersValidator()],
        help_text="As it is written in messages: another case is another name.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
