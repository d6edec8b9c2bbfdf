"""The request and response bodies of the registry of events, properties and traits."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ingestion.models import ForbiddenName
from profiles.api.kit.fields import AnyField
from profiles.models import EventName, Party, SchemaKey, Source, TraitDefinition
from profiles.services import FrequentValue, SourceOfKey

MOST_AT_ONCE = 500
FILL_HELP = "The share of sampled messages of the last 30 days that have it; null without any."
VOLUME_HELP = "About how many messages of the last 30 days have it."
PARTY_HELP = "Whose data it is, whichever source states it. Empty: that of the source."
TYPES_HELP = "How many sampled messages had each type."


def volume_of(row: Any) -> int:
    """Return the annotated volume as a whole number."""
    volume: float = row.volume
    return round(volume)


class RegistryEventSerializer(serializers.ModelSerializer[EventName]):
    """An event, and how much came of it in the last 30 days."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    messages = serializers.IntegerField(read_only=True)
    properties = serializers.IntegerField(read_only=True)
    unreviewed = serializers.IntegerField(read_only=True)
    first_day = serializers.DateField(read_only=True, allow_null=True)
    last_day = serializers.DateField(read_only=True, allow_null=True)

    class Meta:
        model = EventName
        fields = (
            *("id", "kind", "name", "reduces"),
            *("messages", "properties", "unreviewed", "first_day", "last_day"),
        )
        read_only_fields = fields


class DecisionOnEventSerializer(serializers.Serializer[Any]):
    """What is decided about an event; what is not given stays."""

    reduces = serializers.CharField(
        max_length=255,
        required=False,
        allow_blank=True,
        help_text="The name of the track event whose net value this one reduces; empty: of none.",
    )


class FrequentValueSerializer(serializers.Serializer[FrequentValue]):
    """A value that at least ten people have."""

    value = AnyField()
    people = serializers.IntegerField()


class SourceOfKeySerializer(serializers.Serializer[SourceOfKey]):
    """A source, and in how many sampled messages of it."""

    key = serializers.CharField()
    name = serializers.CharField()
    seen = serializers.IntegerField()


class RegistryDaySerializer(serializers.Serializer[Any]):
    """About how many messages of one UTC day have it."""

    day = serializers.DateField()
    messages = serializers.IntegerField()


class RegistryFiguresSerializer(serializers.Serializer[Any]):
    """The figures of one name by day and source, and its frequent values."""

    days = RegistryDaySerializer(many=True)
    sources = SourceOfKeySerializer(many=True)
    values = FrequentValueSerializer(
        many=True, help_text="Of what is reviewed as ordinary alone, and none that reveal a person."
    )


class RegistryPropertySerializer(serializers.ModelSerializer[SchemaKey]):
    """A property of an event, or a part of the context, and what is known of it."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    event = serializers.CharField(source="name.name", read_only=True, default=None, allow_null=True)
    kind = serializers.CharField(source="name.kind", read_only=True, default=None, allow_null=True)
    types = serializers.DictField(
        child=serializers.IntegerField(), read_only=True, help_text=TYPES_HELP
    )
    messages = serializers.IntegerField(read_only=True)
    fill = serializers.FloatField(read_only=True, allow_null=True, help_text=FILL_HELP)
    volume = serializers.SerializerMethodField(help_text=VOLUME_HELP)

    class Meta:
        model = SchemaKey
        fields = (
            *("id", "part", "event", "kind", "path", "category", "is_money", "is_reviewed"),
            *("types", "messages", "fill", "volume", "first_seen_at", "last_seen_at"),
        )
        read_only_fields = fields

    @extend_schema_field({"type": "integer"})
    def get_volume(self, row: Any) -> int:
        return volume_of(row)


# Whose data a trait is, whichever source states it.
PARTIES = [("", "that of the source"), *Party.choices]


class RegistryTraitSerializer(serializers.ModelSerializer[TraitDefinition]):
    """A trait by its key, and what is known of it. Its own type is that of its definition."""

    types = serializers.DictField(
        child=serializers.IntegerField(), read_only=True, allow_null=True, help_text=TYPES_HELP
    )
    messages = serializers.IntegerField(read_only=True)
    party = serializers.ChoiceField(choices=PARTIES, read_only=True, help_text=PARTY_HELP)
    fill = serializers.FloatField(read_only=True, allow_null=True, help_text=FILL_HELP)
    volume = serializers.SerializerMethodField(help_text=VOLUME_HELP)
    first_seen_at = serializers.DateTimeField(read_only=True, allow_null=True)
    last_seen_at = serializers.DateTimeField(read_only=True, allow_null=True)

    class Meta:
        model = TraitDefinition
        fields = (
            *("key", "label", "type", "origin", "party", "policy", "category", "is_money"),
            *("is_reviewed", "is_computed", "types", "messages", "fill", "volume"),
            *("first_seen_at", "last_seen_at"),
        )
        read_only_fields = fields

    @extend_schema_field({"type": "integer"})
    def get_volume(self, row: Any) -> int:
        return volume_of(row)


class DecisionOnNameSerializer(serializers.Serializer[Any]):
    """What is decided; what is not given stays, and it counts as reviewed."""

    category = serializers.ChoiceField(choices=TraitDefinition.Category.choices, required=False)
    is_money = serializers.BooleanField(required=False)


class DecisionOnTraitSerializer(DecisionOnNameSerializer):
    """The same of a trait, of which whose data it is may be decided, too."""

    party = serializers.ChoiceField(choices=PARTIES, required=False, help_text=PARTY_HELP)


class SchemaReviewSerializer(DecisionOnNameSerializer):
    """What is decided of up to 500 properties and traits."""

    properties = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=MOST_AT_ONCE
    )
    traits = serializers.ListField(
        child=serializers.CharField(max_length=255), required=False, max_length=MOST_AT_ONCE
    )
    forbidden = serializers.BooleanField(
        required=False, help_text="true: their names are never taken again, from any source."
    )


class SchemaReviewedSerializer(serializers.Serializer[Any]):
    """How many were decided about, and how many names are forbidden since."""

    properties = serializers.IntegerField()
    traits = serializers.IntegerField()
    forbidden = serializers.IntegerField()


class ForbiddenNameSerializer(serializers.ModelSerializer[ForbiddenName]):
    """A name under which nothing is taken, from one source or from any."""

    source = serializers.SlugRelatedField(  # type: ignore[assignment]  # hides one of Field
        slug_field="key",
        queryset=Source.objects,
        required=False,
        allow_null=True,
        default=None,
        help_text="The key of the source; null: from no source.",
    )

    class Meta:
        model = ForbiddenName
        fields = ("name", "source", "created_at")
        read_only_fields = ("created_at",)
        # The service says what is there twice.
        validators: tuple[()] = ()
