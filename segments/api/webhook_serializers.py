"""The request and response bodies of webhooks."""

from typing import Any

from rest_framework import serializers

from consent.models import Purpose
from segments.api.visibility import may_count_people
from segments.models import Delivery, Segment, Webhook, WebhookEvent
from segments.services import heard_segments

MAX_SEGMENTS = 200
MASK = "…"


class HeardSegmentsField(serializers.ListField):
    """The segments that a webhook hears of, by their keys."""

    child = serializers.CharField(max_length=63)

    def get_attribute(self, instance: Webhook) -> Any:
        return [segment.key for segment in heard_segments(instance)]

    def to_internal_value(self, data: Any) -> Any:
        keys = super().to_internal_value(data)
        rows = Segment.objects.filter(key__in=keys).exclude(status=Segment.Status.ARCHIVED)
        found = {row.key: row for row in rows.select_related("purpose")}
        unknown = {
            at: ["No segment has this key."] for at, key in enumerate(keys) if key not in found
        }
        if unknown:
            raise serializers.ValidationError(unknown)  # type: ignore[arg-type]
        return list(found.values())


class WebhookSerializer(serializers.ModelSerializer[Webhook]):
    """A receiver of what happens to people, called by POST in the form of Standard Webhooks.

    It hears of a segment's members who permit the purpose of the segment and that of the webhook,
    where it has one. `pause_reason` says why it is not called, `failing_since` since when no call
    was taken.
    """

    events = serializers.ListField(
        child=serializers.ChoiceField(choices=WebhookEvent.choices), min_length=1, max_length=7
    )
    segments = HeardSegmentsField(required=False, max_length=MAX_SEGMENTS)
    pause_reason = serializers.CharField(
        read_only=True, help_text="staff, failing, gone or quota; empty where it is called."
    )
    purpose = serializers.SlugRelatedField(
        slug_field="key", queryset=Purpose.objects.all(), required=False, allow_null=True
    )

    class Meta:
        model = Webhook
        fields: tuple[str, ...] = (
            *("id", "name", "url", "events", "segments", "purpose"),
            *("paused_at", "pause_reason", "is_behind", "failures", "failing_since", "retry_at"),
            *("succeeded_at", "created_at"),
        )
        read_only_fields = (
            *("paused_at", "pause_reason", "is_behind", "failures", "failing_since", "retry_at"),
            *("succeeded_at", "created_at"),
        )


class NewWebhookSerializer(WebhookSerializer):
    """A new webhook with its secret, which is shown once."""

    secret = serializers.CharField(read_only=True)

    class Meta(WebhookSerializer.Meta):
        fields = (*WebhookSerializer.Meta.fields, "secret")


class WebhookSecretSerializer(serializers.Serializer[Any]):
    """A new secret, which is shown once. The former one signs, too, until `former_until`."""

    secret = serializers.CharField()
    former_until = serializers.DateTimeField()


class WebhookTestSerializer(serializers.Serializer[Any]):
    """What came of a call: the status that answered, or a word for why none did."""

    answer = serializers.IntegerField(allow_null=True)
    fault = serializers.CharField(allow_blank=True)
    is_taken = serializers.BooleanField()


class ReplaySerializer(serializers.Serializer[Any]):
    """From when on deliveries are sent again."""

    since = serializers.DateTimeField()


class ReplayedSerializer(serializers.Serializer[Any]):
    """How many deliveries are sent again."""

    deliveries = serializers.IntegerField()


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    """One delivery: what was told, and what came of it.

    `profile` is hidden from keys without `profiles:read`. `gate_read_at` is when the gate was asked
    last, right before the first byte.
    """

    id = serializers.UUIDField(source="message")
    profile = serializers.SerializerMethodField()
    segment = serializers.CharField(source="segment.key", default=None, allow_null=True)

    class Meta:
        model = Delivery
        fields = (
            *("id", "event", "segment", "profile", "state", "attempts", "answer", "fault"),
            *("created_at", "due_at", "gate_read_at", "finished_at"),
        )

    def get_profile(self, delivery: Delivery) -> str:
        may_see = may_count_people(self.context.get("request"))
        return str(delivery.key) if may_see else MASK
