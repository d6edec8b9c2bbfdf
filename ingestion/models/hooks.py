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


class OrderAmounts(models.Model):
    """What an order of a source came to, so that a refund which says no tax is its share.

    The order is known by a keyed digest of its reference, and nobody is named.
    """

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)
    goods = models.DecimalField(max_digits=30, decimal_places=10)
    total = models.DecimalField(max_digits=30, decimal_places=10)
    recorded_at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "digest"], name="order_amounts_unique")
        ]

    def __str__(self) -> str:
        return f"{self.source}: {self.total}"
