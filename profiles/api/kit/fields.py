"""Serializer fields that several apps use."""

from decimal import Decimal
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


@extend_schema_field({"type": ["string", "number", "boolean", "object", "array"]})
class AnyField(serializers.JSONField):
    """Any JSON value."""


@extend_schema_field(OpenApiTypes.NUMBER)
class NumberField(serializers.Field[Decimal, Any, int | float, Any]):
    """A decimal as a JSON number."""

    def to_representation(self, value: Decimal) -> int | float:
        return int(value) if value == value.to_integral_value() else float(value)
