"""The products that shops sell."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Now

from profiles.lib import exact_json

MAX_ATTRIBUTES = 4096
# It is the last part of an address.
NUMBER_VALIDATOR = RegexValidator(r"^[^\s/\x00-\x1f][^/\x00-\x1f]*\Z", "A text without slashes.")


def check_attributes(value: Any) -> None:
    """Refuse what is no object, or larger than every event of the product should carry."""
    if not isinstance(value, dict):
        raise ValidationError("An object of names and values.", code="invalid")
    if len(exact_json.dumps(value).encode()) > MAX_ATTRIBUTES:
        raise ValidationError(f"At most {MAX_ATTRIBUTES} bytes of JSON.", code="too_long")


class Product(models.Model):
    """One product, under the number that events name it by (`product_id`, else `sku`).

    Prices are in the store's currency, without tax.
    """

    number = models.CharField(
        "id",
        max_length=255,
        unique=True,
        validators=[NUMBER_VALIDATOR],
    )
    name = models.CharField(max_length=255)
    category = models.CharField(
        max_length=500,
        blank=True,
        db_index=True,
        help_text="From the widest to the narrowest, such as Home > Kitchen > Knives.",
    )
    price = models.DecimalField(
        max_digits=20, decimal_places=4, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    cost = models.DecimalField(
        max_digits=20, decimal_places=4, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    attributes = models.JSONField(default=dict, blank=True, validators=[check_attributes])
    # Of when a shop said it by a webhook: what is older and comes later is left out.
    stated_at = models.DateTimeField(null=True, editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["number"]

    def __str__(self) -> str:
        return self.name
