"""The request and response bodies of lists."""

from typing import Any

from rest_framework import serializers

from profiles.api.kit.references import ReferencesField
from segments.api.serializers import DefinitionField
from segments.models import StaticList
from segments.services import people_on, segments_asking


class ListSerializer(serializers.ModelSerializer[StaticList]):
    """A list of people that only changes when somebody changes it."""

    class Meta:
        model = StaticList
        fields: tuple[str, ...] = ("key", "name", "description", "created_at")
        read_only_fields = ("created_at",)


class CountedListSerializer(ListSerializer):
    """A list, how many people are on it, and the live segments that ask for it."""

    size = serializers.SerializerMethodField()
    segments = serializers.SerializerMethodField()

    class Meta(ListSerializer.Meta):
        fields = (*ListSerializer.Meta.fields, "size", "segments")

    def get_size(self, row: StaticList) -> int:
        return people_on(row)

    def get_segments(self, row: StaticList) -> list[str]:
        return segments_asking(row.key)


class ListChangeSerializer(serializers.ModelSerializer[StaticList]):
    """What can be changed of a list."""

    class Meta:
        model = StaticList
        fields = ("name", "description")


class ReferencesSerializer(serializers.Serializer[Any]):
    """The people, by any identifier each, as `namespace:value` in the spelling of any source."""

    identifiers = ReferencesField()


class PeopleChangeSerializer(serializers.Serializer[Any]):
    """How many people were put on the list or taken off it.

    `unknown` are the places in the request, from 0, of identifiers that name nobody.
    """

    people = serializers.IntegerField()
    unknown = serializers.ListField(child=serializers.IntegerField())


class FillSerializer(serializers.Serializer[Any]):
    """Whom to put on the list: everybody for whom a definition holds now."""

    definition = DefinitionField()


class ListedPersonSerializer(serializers.Serializer[Any]):
    """One person on a list."""

    profile = serializers.UUIDField(source="profile.uuid")
    added_at = serializers.DateTimeField()
