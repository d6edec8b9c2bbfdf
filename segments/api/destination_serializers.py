"""The request and response bodies of destinations."""

from typing import Any

from rest_framework import serializers

from consent.models import Purpose
from profiles.lib.exact_json import with_floats
from segments.api.webhook_serializers import MAX_SEGMENTS, HeardSegmentsField
from segments.models import Delivery, Destination
from segments.services import load_tool, tool_keys

MASK = "…"


class DestinationSerializer(serializers.ModelSerializer[Destination]):
    """A tool that gets who is in some segments and permits the purposes, and loses who leaves.

    `settings` are those of the tool; its secrets are among them when they are written, and are
    never shown again. A setting that is left out of a change stays as it is. `mapping` has JMESPath
    expressions over a person's document; without one it is that of the tool.
    """

    tool = serializers.ChoiceField(choices=[(key, key) for key in tool_keys()])
    segments = HeardSegmentsField(max_length=MAX_SEGMENTS)
    priority = serializers.ListField(
        child=serializers.CharField(max_length=63),
        required=False,
        max_length=MAX_SEGMENTS,
        help_text="Keys of segments: whoever is in several of these is sent for the first alone.",
    )
    purpose = serializers.SlugRelatedField(slug_field="key", queryset=Purpose.objects.all())
    settings = serializers.DictField(
        child=serializers.CharField(allow_blank=True, max_length=8000, trim_whitespace=False)
    )
    mapping = serializers.JSONField(required=False)
    pause_reason = serializers.CharField(
        read_only=True, help_text="staff, failing, gone or quota; empty where it is called."
    )

    class Meta:
        model = Destination
        fields: tuple[str, ...] = (
            *("id", "name", "tool", "segments", "priority", "purpose", "settings", "mapping"),
            "only_vouched",
            *("paused_at", "pause_reason", "is_behind", "failures", "failing_since", "retry_at"),
            *("succeeded_at", "created_at"),
        )
        read_only_fields = (
            *("paused_at", "pause_reason", "is_behind", "failures", "failing_since", "retry_at"),
            *("succeeded_at", "created_at"),
        )

    def validate_mapping(self, value: Any) -> Any:
        return with_floats(value)


class DestinationChangeSerializer(DestinationSerializer):
    """What can be changed of a destination: all but its tool."""

    class Meta(DestinationSerializer.Meta):
        fields = tuple(name for name in DestinationSerializer.Meta.fields if name != "tool")

    tool: Any = None


class SettingSerializer(serializers.Serializer[Any]):
    """A setting of a tool. A secret one is sealed."""

    name = serializers.CharField()
    default = serializers.CharField(allow_blank=True)
    choices = serializers.ListField(child=serializers.CharField())
    is_secret = serializers.BooleanField()
    is_required = serializers.BooleanField()


class ToolSerializer(serializers.Serializer[Any]):
    """A tool: its settings, the mapping by default, and which fields a mapping may have."""

    key = serializers.CharField()
    title = serializers.CharField()
    settings = SettingSerializer(many=True)
    mapping = serializers.JSONField()
    fields_allowed = serializers.ListField(
        child=serializers.CharField(), source="fields", help_text="Empty where any is."
    )
    identifies = serializers.ListField(child=serializers.CharField())

    def to_representation(self, instance: Any) -> Any:
        row = super().to_representation(instance)
        return row | {"fields_allowed": sorted(row["fields_allowed"])}


class ToolsSerializer(serializers.Serializer[Any]):
    """The tools that there are."""

    tools = ToolSerializer(many=True)

    @staticmethod
    def all_tools() -> dict[str, Any]:
        return {"tools": [load_tool(key) for key in tool_keys()]}


class DryRunSerializer(serializers.Serializer[Any]):
    """What would be sent now of the first 1,000 members, and why not of whom; nothing was.

    `left_out` counts by reason: `never_given`, `refused`, `expired`, `outdated`, `objected`,
    `restricted`, or `no_identifier` by which the tool could know them.
    """

    members = serializers.IntegerField()
    sent = serializers.IntegerField()
    left_out = serializers.DictField(child=serializers.IntegerField())
    sample = serializers.ListField(child=serializers.DictField())


class PersonSerializer(serializers.Serializer[Any]):
    """Whom a question is about."""

    profile = serializers.UUIDField()


class NotSentSerializer(serializers.Serializer[Any]):
    """Why somebody is not sent, for which purpose, and since when, if that is known."""

    reason = serializers.CharField()
    purpose = serializers.CharField(allow_blank=True)
    since = serializers.DateTimeField(allow_null=True)


class SentSerializer(serializers.ModelSerializer[Delivery]):
    """One delivery about somebody. `reason` says why: a change, time, a permission, an update,
    an automation.
    """

    id = serializers.UUIDField(source="message")
    profile = serializers.CharField(source="body.data.profile", default=None, allow_null=True)
    reason = serializers.CharField(source="body.data.reason")

    class Meta:
        model = Delivery
        fields = (
            *("id", "event", "profile", "reason", "state", "attempts", "answer", "fault"),
            *("created_at", "due_at", "gate_read_at", "finished_at"),
        )


class TruthSerializer(serializers.Serializer[Any]):
    """What a destination has of a person: whether they are in, what it gets, or why not.

    `sent_at` is when a call about them began first; null while nothing of them has left.
    """

    is_in = serializers.BooleanField()
    sent_at = serializers.DateTimeField(allow_null=True)
    refusal = NotSentSerializer(allow_null=True)
    fields_sent = serializers.DictField(source="fields")
    deliveries = SentSerializer(many=True)
