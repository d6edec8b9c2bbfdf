"""Addresses to which shops and tools send what happens in them."""

from django.db import models
from django.db.models.functions import Now

from profiles.models import Source


class Hook(models.Model):
    """The address of one source, `/hooks/{source}/{token}/`, and the tool that sends to it.

    The token is not stored, only its SHA-256. The secret, by which the tool signs, is sealed with a
    key of the installation.
    """

    source = models.OneToOneField(Source, on_delete=models.CASCADE, related_name="hook")
    preset = models.CharField(max_length=40, help_text="The tool, such as shopify.")
    prefix = models.CharField(max_length=16, unique=True, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    sealed_secret = models.BinaryField(editable=False)
    kinds = models.JSONField(
        default=dict, blank=True, help_text="What deliveries mean, of a tool without a mapping."
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["source"]

    def __str__(self) -> str:
        return f"{self.source}: {self.preset}"
