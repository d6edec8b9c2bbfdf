"""Traits whose values are computed from the events of a person."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from profiles.models import TraitDefinition


class ComputedTrait(models.Model):
    """How a trait is computed: an aggregate of the events of a name, as leaves of segments have it.

    It never depends on the clock, so that it changes with the events alone. `woken_to` is the
    number of the last profile that was queued since the definition changed, None once all were.
    `built_with` names the global inputs that it goes by, such as the store's zone.
    One that `is_ending` has no values any more, and goes when the last is gone.
    """

    trait = models.OneToOneField(
        TraitDefinition, on_delete=models.PROTECT, related_name="computation"
    )
    definition = models.JSONField()
    woken_to = models.BigIntegerField(null=True, default=0, editable=False)
    built_with = models.CharField(max_length=255, default="", editable=False)
    is_ending = models.BooleanField(default=False, editable=False)
    failed_at = models.DateTimeField(null=True, editable=False)
    failure = models.CharField(
        max_length=63, blank=True, editable=False, help_text="The word for what failed."
    )
    failures = models.PositiveSmallIntegerField(default=0, editable=False)
    retry_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["trait__key"]
        verbose_name = _("computed trait")
        verbose_name_plural = _("computed traits")

    def __str__(self) -> str:
        return self.trait.key
