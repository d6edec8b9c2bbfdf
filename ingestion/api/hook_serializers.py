"""The request and response bodies of webhooks of shops and tools."""

from typing import Any

from rest_framework import serializers

from ingestion.api.import_serializers import ObjectField
from ingestion.models import Hook
from ingestion.presets.mapping import HookMessage
from ingestion.services import MappingTrial, preset_keys
from profiles.models.sources import KEY_VALIDATOR

MAX_SECRET = 20_000
MAX_KIND = 255
KINDS_HELP = (
    "By kind of delivery (`*` is any other) a list of facts, each of which becomes one message, as "
    "docs/sources.md describes them. None where the tool has a mapping already."
)
HEADER_HELP = "What its X-Event header says, if it has one."


class HookSerializer(serializers.ModelSerializer[Hook]):
    """The address of a source, named by the beginning of its token, and what is sent to it."""

    source = serializers.CharField(  # type: ignore[assignment]  # hides an attribute of Field
        source="source.key", read_only=True
    )
    kinds = ObjectField(help_text=KINDS_HELP)

    class Meta:
        model = Hook
        fields = ("source", "preset", "prefix", "kinds", "created_at")
        read_only_fields = fields


class MadeHookSerializer(HookSerializer):
    """A webhook with its address."""

    url = serializers.CharField(help_text="Where the tool sends; shown now and never again.")

    class Meta:
        model = Hook
        fields = (*HookSerializer.Meta.fields, "url")
        read_only_fields = fields


class NewHookSerializer(serializers.Serializer[dict[str, Any]]):
    """A source to make, with an address for one tool."""

    key = serializers.CharField(max_length=63, validators=[KEY_VALIDATOR])
    name = serializers.CharField(max_length=120, required=False)
    preset = serializers.ChoiceField(
        choices=preset_keys(), default="custom", help_text="The tool; `custom` is one of your own."
    )
    secret = serializers.CharField(
        max_length=MAX_SECRET,
        default="",
        trim_whitespace=False,
        help_text="By which the tool signs. Stored sealed and never shown.",
    )
    kinds = ObjectField(required=False, help_text=KINDS_HELP)


class HookChangesSerializer(serializers.Serializer[dict[str, Any]]):
    """Changes of a webhook."""

    kinds = ObjectField(required=False, help_text=KINDS_HELP)
    secret = serializers.CharField(max_length=MAX_SECRET, required=False, trim_whitespace=False)


class HookDeliverySerializer(serializers.Serializer[dict[str, Any]]):
    """A delivery as a tool sends it. Nothing of it is kept."""

    delivery = ObjectField(help_text="The body of the delivery.")
    header = serializers.CharField(
        max_length=MAX_KIND, required=False, default="", help_text=HEADER_HELP
    )


class MappedDeliverySerializer(HookDeliverySerializer):
    """A delivery, and the mapping to try on it."""

    kinds = ObjectField(help_text=KINDS_HELP)


class ProposedKindsSerializer(serializers.Serializer[dict[str, Any]]):
    """A mapping that is likely meant; what it does not say is for you to add."""

    kinds = ObjectField()


class TriedMessageSerializer(serializers.Serializer[HookMessage]):
    """A message as the tracking API would take it; `verified` says whether the tool vouches."""

    verified = serializers.BooleanField(source="is_verified")
    message = ObjectField(source="content")


class HookTrialSerializer(serializers.Serializer[MappingTrial]):
    """What a delivery would become."""

    kind = serializers.CharField()
    is_known = serializers.BooleanField(help_text="Whether the mapping has the kind.")
    messages = TriedMessageSerializer(many=True)
    left_out = serializers.ListField(
        child=serializers.CharField(), help_text="Why facts become no message, such as no_person."
    )
