"""Filters of the registry of events, properties and traits."""

from django_filters.rest_framework import BooleanFilter, CharFilter, ChoiceFilter

from ingestion.models import ForbiddenName
from profiles.api.kit.lists import StrictFilterSet, TimeFilter
from profiles.models import EventName, Party, SchemaKey, SchemaPart, TraitDefinition

PARTS = [choice for choice in SchemaPart.choices if choice[0] != SchemaPart.TRAIT]


class RegistryEventFilter(StrictFilterSet):
    """Filters of events."""

    kind = ChoiceFilter(choices=EventName.Kind.choices)
    name = CharFilter("name", help_text="The whole name.")
    contains = CharFilter("name", "icontains", help_text="A part of the name.")

    class Meta:
        model = EventName
        fields: list[str] = []


class RegistryPropertyFilter(StrictFilterSet):
    """Filters of properties."""

    part = ChoiceFilter(choices=PARTS)
    event = CharFilter("name__name", help_text="The name of the event.")
    kind = ChoiceFilter(field_name="name__kind", choices=EventName.Kind.choices)
    path = CharFilter("path", "icontains", help_text="A part of the path.")
    category = ChoiceFilter(choices=TraitDefinition.Category.choices)
    money = BooleanFilter("is_money")
    reviewed = BooleanFilter("is_reviewed")
    seen_after = TimeFilter("last_seen_at", "gte", help_text="Last seen at this time or later.")
    seen_before = TimeFilter("last_seen_at", "lt", help_text="Last seen before this time.")

    class Meta:
        model = SchemaKey
        fields: list[str] = []


class RegistryTraitFilter(StrictFilterSet):
    """Filters of traits."""

    key = CharFilter("key", "icontains", help_text="A part of the key.")
    type = ChoiceFilter(choices=TraitDefinition.Type.choices)
    category = ChoiceFilter(choices=TraitDefinition.Category.choices)
    origin = ChoiceFilter(choices=TraitDefinition.Origin.choices)
    party = ChoiceFilter(choices=Party.choices)
    money = BooleanFilter("is_money")
    reviewed = BooleanFilter("is_reviewed")

    class Meta:
        model = TraitDefinition
        fields: list[str] = []


class ForbiddenNameFilter(StrictFilterSet):
    """Filters of forbidden names."""

    name = CharFilter("name", help_text="The whole name.")
    source = CharFilter("source__key", help_text="The key of the source.")
    for_all = BooleanFilter("source", "isnull", help_text="Those that hold for every source.")

    class Meta:
        model = ForbiddenName
        fields: list[str] = []
