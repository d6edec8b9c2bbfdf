"""The request and response bodies of this app's API.

Invariant: serializers judge the shape of a body; services judge its meaning.
"""

from functools import cached_property
from typing import Any

from django.contrib.auth import get_user_model
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from consent.models import Purpose
from segments.api.override_serializers import OverrideFactSerializer
from segments.api.visibility import masked_segment, may_count_people
from segments.definitions.sensitivity import Sensitivity, load_sensitivity
from segments.language.operands import DefinitionError
from segments.language.phrases import Language
from segments.models import Membership, MembershipChange, Segment, SegmentVersion
from segments.services import unknown_words


@extend_schema_field(OpenApiTypes.OBJECT)
class DefinitionField(serializers.Field[Any, Any, Any, Any]):
    """A definition as it was written. Its JSON Schema is at `/api/v1/segments/schema/`."""

    def to_internal_value(self, data: object) -> object:
        return data

    def to_representation(self, value: object) -> object:
        return value


@extend_schema_field(OpenApiTypes.NUMBER)
class ExactField(serializers.Field[Any, Any, Any, Any]):
    """An exact number."""

    def to_representation(self, value: object) -> object:
        return value


@extend_schema_field({"oneOf": [{"type": "integer"}, {"type": "string"}]})
class SizeField(serializers.IntegerField):
    """A number of people; `< 10` for keys that may not count so few by sensitive data."""


class RankBoundarySerializer(serializers.Serializer[Any]):
    """The boundary of a rank of the live definition, in its order.

    It was computed of `people` who have the quantity. `holding` of them have the boundary or more,
    which are more than `top` percent where many have the same.
    """

    top = ExactField()
    boundary = ExactField(allow_null=True)
    people = serializers.IntegerField()
    holding = serializers.IntegerField()
    computed_at = serializers.DateTimeField()


class SegmentSerializer(serializers.ModelSerializer[Segment]):
    """A segment. `live_version` is the version that its memberships and `size` are of.

    `failure`, `failed_at` and `retry_at` are null unless it is set apart: it could not be
    evaluated, nobody enters it, and its members are not given out until a rebuild succeeds.
    """

    definition = DefinitionField()
    purpose = serializers.SlugRelatedField(
        slug_field="key",
        queryset=Purpose.objects.all(),
        allow_null=True,
        required=False,
        help_text="What its members leave the system for; null: internal.",
    )
    owner = serializers.SlugRelatedField(
        slug_field="username",
        queryset=get_user_model()._default_manager.filter(is_staff=True),
        allow_null=True,
        required=False,
        help_text="The log-in of the member of staff to ask about it.",
    )
    status = serializers.ChoiceField(
        choices=Segment.Status.choices, required=False, default=Segment.Status.DRAFT
    )
    size = SizeField(read_only=True)
    boundaries = RankBoundarySerializer(many=True, read_only=True)
    failure = serializers.SerializerMethodField(
        help_text="The word for what failed, such as `query_canceled`; null if nothing did."
    )

    class Meta:
        model = Segment
        fields: tuple[str, ...] = (
            "key",
            "name",
            "description",
            "folder",
            "tags",
            "owner",
            "definition",
            "purpose",
            "status",
            "version",
            "live_version",
            "size",
            "boundaries",
            "paused_at",
            "failure",
            "failed_at",
            "retry_at",
            "refreshed_at",
            "created_at",
        )
        read_only_fields: tuple[str, ...] = (
            "version",
            "live_version",
            "size",
            "failed_at",
            "retry_at",
            "refreshed_at",
            "created_at",
        )

    def get_failure(self, segment: Segment) -> str | None:
        return segment.failure or None

    def to_representation(self, instance: Segment) -> dict[str, Any]:
        fields: dict[str, Any] = super().to_representation(instance)
        if may_count_people(self.context.get("request")):
            return fields
        return masked_segment(fields, instance, self._sensitivity)

    @cached_property
    def _sensitivity(self) -> Sensitivity:
        # A list has one serializer for all its rows.
        return load_sensitivity()


class WarningSerializer(serializers.Serializer[Any]):
    """A word of a definition that stands for nothing yet, with its path and the nearest words."""

    path = serializers.CharField()
    code = serializers.ChoiceField(
        ["unknown_event", "unknown_trait", "unknown_value", "special_trait", "within_retention"]
    )
    detail = serializers.CharField()


class WarnedSegmentSerializer(SegmentSerializer):
    """A segment, with the words of its definition that stand for nothing yet."""

    warnings = serializers.SerializerMethodField()

    class Meta(SegmentSerializer.Meta):
        fields = (*SegmentSerializer.Meta.fields, "warnings")

    @extend_schema_field(WarningSerializer(many=True))
    def get_warnings(self, segment: Segment) -> list[dict[str, str]]:
        return warnings_of(segment.definition)


def warnings_of(definition: object) -> list[dict[str, str]]:
    """Return the warnings of a definition; none for a stored one that cannot be parsed any more."""
    try:
        warnings = unknown_words(definition)
    except DefinitionError:
        return []
    return [
        {"path": f"definition.{path}", "code": code, "detail": detail}
        for path, code, detail in warnings
    ]


class SegmentChangeSerializer(SegmentSerializer):
    """The fields of a segment that can be changed."""

    status = serializers.ChoiceField(choices=Segment.Status.choices, required=False)

    class Meta(SegmentSerializer.Meta):
        fields = (
            "name",
            "description",
            "folder",
            "tags",
            "owner",
            "definition",
            "purpose",
            "status",
        )
        read_only_fields = ()


class MomentSerializer(serializers.Serializer[Any]):
    """`at` is the time to evaluate at, now by default."""

    at = serializers.DateTimeField(required=False)


class WhyQuerySerializer(MomentSerializer):
    """The public id of the profile that is or is not a member, and the language of the words."""

    profile = serializers.UUIDField()
    language = serializers.ChoiceField(list(Language), required=False)

    def validate_language(self, language: str) -> Language:
        return Language(language)


class DefinitionSerializer(serializers.Serializer[Any]):
    """A definition to evaluate without saving it."""

    definition = DefinitionField()


class DefinitionPartSerializer(serializers.Serializer[Any]):
    """How many people one part of the outermost group keeps.

    For `alone` of them it holds, for `left` it and all parts before it do, and for `kept_out` it is
    the only part that does not: they would enter without it.
    """

    path = serializers.CharField()
    alone = serializers.IntegerField()
    left = serializers.IntegerField()
    kept_out = serializers.IntegerField()


class DefinitionPartsSerializer(serializers.Serializer[Any]):
    """The parts of a definition; none where counting them takes too long, or of a single leaf."""

    parts = DefinitionPartSerializer(many=True)


class PreviewRequestSerializer(DefinitionSerializer, MomentSerializer):
    """A definition to evaluate without saving it, and when."""


class PreviewSerializer(serializers.Serializer[Any]):
    """The size of a definition and ten members. An estimated size has its 95 % `interval`.

    `warnings` name the words of the definition that stand for nothing yet.
    """

    size = serializers.IntegerField()
    exact = serializers.BooleanField(source="is_exact")
    interval = serializers.ListField(child=serializers.IntegerField(), required=False)
    sample = serializers.ListField(child=serializers.UUIDField())
    warnings = serializers.SerializerMethodField()

    @extend_schema_field(WarningSerializer(many=True))
    def get_warnings(self, _: object) -> list[dict[str, str]]:
        return warnings_of(self.context["definition"])

    def to_representation(self, instance: Any) -> dict[str, Any]:
        fields: dict[str, Any] = super().to_representation(instance)
        # An exact size has no interval.
        return {name: value for name, value in fields.items() if value is not None}


class MemberSerializer(serializers.ModelSerializer[Membership]):
    """One member of a segment, by its profile's public id."""

    profile = serializers.UUIDField(source="profile.uuid")

    class Meta:
        model = Membership
        fields = ("profile", "entered_at")


class MembershipChangeSerializer(serializers.ModelSerializer[MembershipChange]):
    """One entry into a segment or exit from it.

    `profile` is null if the profile has been absorbed since, or is restricted.
    """

    profile = serializers.UUIDField(source="profile_uuid", allow_null=True)
    entered = serializers.BooleanField(source="has_entered")

    class Meta:
        model = MembershipChange
        fields = ("profile", "changed_at", "entered", "reason")


class MissingSerializer(serializers.Serializer[Any]):
    """A leaf that alone keeps a person out, and how far its quantity is from what would do."""

    path = serializers.CharField()
    by = ExactField(allow_null=True)


class WhySerializer(serializers.Serializer[Any]):
    """Why a profile is a member or not.

    `tree` is the definition with `holds` and `evidence` at each node, and with `words` where a
    `language` is asked for. `overrides` are what staff decided about the person, and `better` the
    segments of its exclusive group that have the person first. `flips_at` is when membership
    changes if only time passes.
    """

    member = serializers.BooleanField(source="is_member")
    tree = DefinitionField()
    missing = MissingSerializer(many=True)
    overrides = OverrideFactSerializer(many=True)
    better = serializers.ListField(child=serializers.CharField())
    flips_at = serializers.DateTimeField(allow_null=True)


class AuthorSerializer(serializers.Serializer[Any]):
    """Who wrote a version: a member of staff by log-in, a service by its key, or a program."""

    kind = serializers.CharField()
    id = serializers.CharField()


class SegmentVersionSerializer(serializers.ModelSerializer[SegmentVersion]):
    """A definition that the segment had from `created_at` on, and who wrote it."""

    definition = DefinitionField()
    author = AuthorSerializer(source="public_author")

    class Meta:
        model = SegmentVersion
        fields = ("number", "definition", "author", "created_at")


class RollbackSerializer(serializers.Serializer[Any]):
    """The number of the version whose definition comes back."""

    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)


class CloneSerializer(serializers.ModelSerializer[Segment]):
    """The key and name of the copy."""

    class Meta:
        model = Segment
        fields = ("key", "name")


class SideSerializer(serializers.Serializer[Any]):
    """How many people there are, and ten of them. An estimate has its 95 % `interval`."""

    size = serializers.IntegerField()
    exact = serializers.BooleanField(source="is_exact")
    interval = serializers.ListField(child=serializers.IntegerField(), allow_null=True)
    sample = serializers.ListField(child=serializers.UUIDField())


class DecidingLeafSerializer(serializers.Serializer[Any]):
    """A leaf that only one of the definitions has, the new one or the present one.

    With the opposite answer of it alone, so many would not enter or leave; null where counting
    them takes too long.
    """

    path = serializers.CharField()
    is_new = serializers.BooleanField()
    entering = serializers.IntegerField(allow_null=True)
    leaving = serializers.IntegerField(allow_null=True)


class ComparisonSerializer(serializers.Serializer[Any]):
    """The people of a new definition, and those who would enter and leave by it.

    The last two are null where both definitions together are too large to evaluate.
    """

    members = SideSerializer(source="preview")
    entering = SideSerializer(allow_null=True)
    leaving = SideSerializer(allow_null=True)
    leaves = DecidingLeafSerializer(many=True)
