"""The registry of what messages are made of: their properties, traits and context.

Invariant: it has names, types and numbers, and no value of anybody.
"""

from uuid import uuid4

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from profiles.models.events import EventName
from profiles.models.sources import Source
from profiles.models.traits import TraitDefinition


class SchemaPart(models.TextChoices):
    """The part of a message that a name stands in."""

    PROPERTY = "property", _("property of an event")
    TRAIT = "trait", _("trait")
    CONTEXT = "context", _("context")


class SchemaTally(models.Model):
    """What a sample of the messages of one chunk was made of, until it is added up."""

    content = models.JSONField()
    made_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"of {self.made_at}"


class SchemaKey(models.Model):
    """One property of the events of a name, one trait, or one part of the context.

    What staff decided of a trait is in its definition, and of the others here.
    """

    uuid = models.UUIDField(unique=True, default=uuid4, editable=False)
    part = models.CharField(max_length=8, choices=SchemaPart, editable=False)
    name = models.ForeignKey(
        EventName,
        null=True,
        editable=False,
        on_delete=models.CASCADE,
        related_name="keys",
        verbose_name=_("event"),
    )
    path = models.CharField(
        max_length=255,
        editable=False,
        help_text="Dots lead into objects, [] into lists; * stands for names that are no words.",
    )
    types = models.JSONField(default=dict, editable=False, help_text="How often each was seen.")
    first_seen_at = models.DateTimeField(editable=False)
    last_seen_at = models.DateTimeField(editable=False)
    category = models.CharField(
        max_length=16,
        choices=TraitDefinition.Category,
        default=TraitDefinition.Category.ORDINARY,
    )
    is_money = models.BooleanField(default=False, help_text="Its numbers are amounts of money.")
    is_reviewed = models.BooleanField(
        default=False, help_text="False where its category is only a guess by its name."
    )

    class Meta:
        ordering = ["is_reviewed", "path"]
        verbose_name = "property"
        verbose_name_plural = "properties"
        constraints = [
            models.UniqueConstraint(
                fields=["part", "name", "path"], name="schema_key_unique", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return self.path


class SchemaVolume(models.Model):
    """How many messages of a source came on a UTC day with a part, and how many were sampled."""

    part = models.CharField(max_length=8, choices=SchemaPart)
    name = models.ForeignKey(EventName, null=True, on_delete=models.CASCADE, related_name="+")
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    messages = models.BigIntegerField(default=0)
    sampled = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["part", "name", "source", "day"],
                name="schema_volume_unique",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.messages} on {self.day}"


class SchemaKeyDay(models.Model):
    """In how many of the sampled messages of a source and UTC day a name was."""

    key = models.ForeignKey(SchemaKey, on_delete=models.CASCADE, related_name="days")
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    seen = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "source", "day"], name="schema_key_day_unique")
        ]

    def __str__(self) -> str:
        return f"{self.seen} on {self.day}"
