"""The request and response bodies of RFM models and life-cycles."""

from collections.abc import Sequence
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from segments.api.serializers import SizeField
from segments.models import SegmentFamily


@extend_schema_field(OpenApiTypes.OBJECT)
class WindowField(serializers.Field[Any, Any, Any, Any]):
    """A window as in definitions, such as `{"last": {"years": 1}}`."""

    def to_internal_value(self, data: object) -> object:
        return data

    def to_representation(self, value: object) -> object:
        return value


class PartSerializer(serializers.Serializer[Any]):
    """One group, the segment that it is, and how many people are in it now."""

    group = serializers.CharField(source="part")
    segment = serializers.CharField(source="key")
    size = SizeField()


class StageSerializer(serializers.Serializer[Any]):
    """One stage, the segment that it is, and how many people are in it now."""

    stage = serializers.CharField(source="part")
    segment = serializers.CharField(source="key")
    size = SizeField()


class BoundariesSerializer(serializers.Serializer[Any]):
    """The least values of the scores 2 to 5; null where nobody has one."""

    recency = serializers.ListField(child=serializers.DateTimeField(allow_null=True))
    frequency = serializers.ListField(child=serializers.FloatField(allow_null=True))
    monetary = serializers.ListField(child=serializers.FloatField(allow_null=True))


class RfmSerializer(serializers.ModelSerializer[SegmentFamily]):
    """An RFM model: whose events it scores, and its boundaries, which hold until the next ones.

    Each group is a living segment. `people` is how many had a score at `recomputed_at`.
    """

    value = serializers.CharField(
        max_length=255,
        required=False,
        allow_blank=True,
        default="",
        help_text="The property that is summed up; empty: the net value of the events.",
    )
    window = WindowField(required=False, allow_null=True)
    boundaries = serializers.SerializerMethodField()
    people = serializers.IntegerField(source="live_version.people", read_only=True, default=0)
    groups = PartSerializer(source="parts", many=True, read_only=True)
    recomputed_at = serializers.DateTimeField(
        source="live_version.computed_at", read_only=True, default=None
    )

    class Meta:
        model = SegmentFamily
        fields = (
            *("key", "name", "event", "value", "window", "hour"),
            *("boundaries", "people", "groups", "recomputed_at", "created_at"),
        )
        read_only_fields = ("created_at",)

    @extend_schema_field(BoundariesSerializer(allow_null=True))
    def get_boundaries(self, family: SegmentFamily) -> dict[str, Sequence[Any]] | None:
        if family.live_version is None:
            return None
        stored: dict[str, list[Any]] = family.live_version.boundaries
        return {name: (values + [None] * 4)[:4] for name, values in stored.items()}


class LifeCycleSerializer(serializers.ModelSerializer[SegmentFamily]):
    """A life-cycle: whose events it is by. Each stage is a living segment."""

    stages = StageSerializer(source="parts", many=True, read_only=True)

    class Meta:
        model = SegmentFamily
        fields = ("key", "name", "event", "stages", "created_at")
        read_only_fields = ("created_at",)


class RfmChangeSerializer(serializers.ModelSerializer[SegmentFamily]):
    """What can be changed of an RFM model."""

    class Meta:
        model = SegmentFamily
        fields = ("name", "hour")


class LifeCycleChangeSerializer(serializers.ModelSerializer[SegmentFamily]):
    """What can be changed of a life-cycle."""

    class Meta:
        model = SegmentFamily
        fields = ("name",)


class SinceSerializer(serializers.Serializer[Any]):
    """Since when people moved; thirty days ago by default."""

    since = serializers.DateTimeField(required=False)


class MoveSerializer(serializers.Serializer[Any]):
    """How many people were in `former` and are in `present`; null is none of them."""

    former = serializers.CharField(allow_null=True)
    present = serializers.CharField(allow_null=True)
    people = serializers.IntegerField()


class MovementSerializer(serializers.Serializer[Any]):
    """Who moved from where to where since a time, by the stored history."""

    since = serializers.DateTimeField()
    moves = MoveSerializer(many=True)
