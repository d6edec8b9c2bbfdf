"""The request and response bodies of overrides and exclusive groups."""

from typing import Any

from rest_framework import serializers

from profiles.api.kit.references import ReferencesField
from segments.api.visibility import may_count_people
from segments.models import ExclusiveGroup, Override
from segments.overrides.groups import MAX_IN_GROUP, segments_of


class DecisionSerializer(serializers.Serializer[Any]):
    """Whom to keep in or out, why, and until when; without an end for good."""

    identifiers = ReferencesField()
    reason = serializers.CharField(max_length=500)
    starts_at = serializers.DateTimeField(required=False, help_text="Now, unless said.")
    ends_at = serializers.DateTimeField(required=False, allow_null=True)


class OverrideReleaseSerializer(serializers.Serializer[Any]):
    """For whom the definition alone is to hold again."""

    identifiers = ReferencesField()


class DecidedSerializer(serializers.Serializer[Any]):
    """How many people were decided about.

    `unknown` are the places in the request, from 0, of identifiers that name nobody.
    """

    people = serializers.IntegerField()
    unknown = serializers.ListField(child=serializers.IntegerField())


class OverrideFactSerializer(serializers.ModelSerializer[Override]):
    """What staff decided about a person in a segment, from when and until when."""

    class Meta:
        model = Override
        fields: tuple[str, ...] = ("kind", "reason", "starts_at", "ends_at")


class OverrideSerializer(OverrideFactSerializer):
    """One person who is kept in a segment or out of it."""

    profile = serializers.UUIDField(source="profile.uuid")

    class Meta(OverrideFactSerializer.Meta):
        fields = ("profile", *OverrideFactSerializer.Meta.fields)

    def to_representation(self, instance: Override) -> Any:
        """Leave out the reason, into which somebody may have written a name, as in the admin."""
        representation = super().to_representation(instance)
        is_open = may_count_people(self.context.get("request"))
        return representation if is_open else {**representation, "reason": ""}


class ExclusiveGroupSerializer(serializers.ModelSerializer[ExclusiveGroup]):
    """Segments, by key, of which a person is in one at most: in the first that would have them."""

    segments = serializers.ListField(child=serializers.CharField(), max_length=MAX_IN_GROUP)

    class Meta:
        model = ExclusiveGroup
        fields = ("key", "name", "segments", "created_at")
        read_only_fields = ("created_at",)

    def to_representation(self, instance: ExclusiveGroup) -> Any:
        keys = [row.key for row in segments_of(instance)]
        created_at = self.fields["created_at"].to_representation(instance.created_at)
        return {
            "key": instance.key,
            "name": instance.name,
            "segments": keys,
            "created_at": created_at,
        }


class ExclusiveGroupChangeSerializer(serializers.Serializer[Any]):
    """What can be changed of an exclusive group."""

    name = serializers.CharField(max_length=120, required=False)
    segments = serializers.ListField(
        child=serializers.CharField(), max_length=MAX_IN_GROUP, required=False
    )
