"""Segments as the API shows and takes them. Shape is judged here, meaning in the services."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from consent.models import Purpose
from segments.models import Membership, MembershipChange, Segment


@extend_schema_field(OpenApiTypes.OBJECT)
class DefinitionField(serializers.Field):
    """A definition, as it was written. The schema is at `/api/v1/segments/schema/`."""

    def to_internal_value(self, data: object) -> object:
        return data

    def to_representation(self, value: object) -> object:
        return value


class SegmentSerializer(serializers.ModelSerializer[Segment]):
    """`version` is the saved one, `live_version` the one that the memberships answer, `size` their count."""

    definition = DefinitionField()
    purpose = serializers.SlugRelatedField(
        slug_field="key",
        queryset=Purpose.objects.all(),
        allow_null=True,
        required=False,
        help_text="What its members leave the system for; null: internal.",
    )
    status = serializers.ChoiceField(
        choices=Segment.Status.choices, required=False, default=Segment.Status.DRAFT
    )

    class Meta:
        model = Segment
        fields = (
            *("key", "name", "description", "definition", "purpose", "status", "version"),
            *("live_version", "size", "refreshed_at", "created_at"),
        )
        read_only_fields = ("version", "live_version", "size", "refreshed_at", "created_at")


class SegmentChangeSerializer(SegmentSerializer):
    """What can be changed."""

    status = serializers.ChoiceField(choices=Segment.Status.choices, required=False)

    class Meta(SegmentSerializer.Meta):
        fields = ("name", "description", "definition", "purpose", "status")
        read_only_fields = ()


class MomentSerializer(serializers.Serializer[Any]):
    """`at` sets now: what was, or will be."""

    at = serializers.DateTimeField(required=False)


class PreviewQuestionSerializer(MomentSerializer):
    definition = DefinitionField()


class PreviewSerializer(serializers.Serializer[Any]):
    """`interval` is the 95 % interval, where the size is an estimate."""

    size = serializers.IntegerField()
    exact = serializers.BooleanField(source="is_exact")
    interval = serializers.ListField(child=serializers.IntegerField(), required=False)
    sample = serializers.ListField(child=serializers.UUIDField())

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        return {name: value for name, value in shown.items() if value is not None}


class MemberSerializer(serializers.ModelSerializer[Membership]):
    profile = serializers.UUIDField(source="profile.uuid")

    class Meta:
        model = Membership
        fields = ("profile", "entered_at")


class MembershipChangeSerializer(serializers.ModelSerializer[MembershipChange]):
    """One entry or exit. `profile` is null where it has been absorbed since."""

    profile = serializers.UUIDField(source="profile_uuid", allow_null=True)
    entered = serializers.BooleanField(source="has_entered")

    class Meta:
        model = MembershipChange
        fields = ("profile", "changed_at", "entered", "reason")


class WhySerializer(serializers.Serializer[Any]):
    """`tree` is the definition with `holds` and `evidence` at each node; `flips_at` is when time alone changes the answer."""

    member = serializers.BooleanField(source="is_member")
    tree = DefinitionField()
    flips_at = serializers.DateTimeField(allow_null=True)
