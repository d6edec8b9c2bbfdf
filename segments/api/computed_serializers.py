"""The request and response bodies of computed traits."""

from typing import Any

from rest_framework import serializers

from profiles.models import TraitDefinition
from segments.models import ComputedTrait


class QuantityField(serializers.JSONField):
    """What is computed: `name` of the events, and `kind`, `aggregate`, `property` and `where`, as
    in an event leaf of segments, without a window."""


class ComputedTraitSerializer(serializers.ModelSerializer[ComputedTrait]):
    """A computed trait. Its category is at least that of what it reads.

    `is_complete` is false while a new definition has not reached everybody, and `failure` the word
    for why it is set apart; it is tried again by itself.
    """

    key = serializers.RegexField("^[a-z][a-z0-9_]{0,62}$", source="trait.key")
    label = serializers.CharField(  # type: ignore[assignment]
        source="trait.label", max_length=120, required=False, allow_blank=True
    )
    category = serializers.ChoiceField(
        TraitDefinition.Category.choices, source="trait.category", required=False
    )
    type = serializers.ChoiceField(
        TraitDefinition.Type.choices, source="trait.type", read_only=True
    )
    definition = QuantityField()
    is_complete = serializers.SerializerMethodField()

    class Meta:
        model = ComputedTrait
        fields = (
            *("key", "label", "category", "type", "definition"),
            *("is_complete", "is_ending", "failure", "created_at"),
        )
        read_only_fields = ("is_ending", "failure", "created_at")

    def get_is_complete(self, row: ComputedTrait) -> bool:
        return row.woken_to is None and row.failed_at is None and not row.is_ending

    def to_internal_value(self, data: Any) -> Any:
        fields = super().to_internal_value(data)
        # What the definition of the trait has stands beside the computation, as services take it.
        return {**fields.pop("trait", {}), **fields}


class ComputedTraitChangeSerializer(ComputedTraitSerializer):
    """What can be changed of a computed trait."""

    class Meta(ComputedTraitSerializer.Meta):
        fields = ("label", "category", "definition")  # type: ignore[assignment]
