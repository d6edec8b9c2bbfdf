"""Filters of the lists of sources, rejected messages and imported files."""

from django_filters.rest_framework import BooleanFilter, CharFilter, ChoiceFilter

from ingestion.models import (
    FileImport,
    Product,
    RefusedRow,
    RejectedMessage,
    SavedMapping,
    WriteKey,
)
from profiles.api.kit.lists import StrictFilterSet, TimeFilter
from profiles.models import Source


class SourceFilter(StrictFilterSet):
    """Filters of sources."""

    key = CharFilter("key")
    name = CharFilter("name", "icontains", help_text="A part of the name.")
    joins_people = BooleanFilter("joins_people")
    kind = ChoiceFilter(
        field_name="write_keys__kind",
        choices=WriteKey.Kind.choices,
        distinct=True,
        help_text="With a write key of this kind, revoked ones included.",
    )

    class Meta:
        model = Source
        fields: list[str] = []


class RejectedMessageFilter(StrictFilterSet):
    """Filters of rejected messages."""

    source = CharFilter("source__key", help_text="The key of the source.")
    code = CharFilter("code", help_text="Why, such as missing_event.")
    type = CharFilter("type", help_text="The type of the message, such as track.")
    path = CharFilter("path", help_text="Where the fault is, such as event.")
    outcome = ChoiceFilter(choices=RejectedMessage.Outcome.choices, help_text="What a replay did.")
    replayed = BooleanFilter("replayed_at", "isnull", exclude=True)
    after = TimeFilter("rejected_at", "gte", help_text="Rejected at this time or later.")
    before = TimeFilter("rejected_at", "lt", help_text="Rejected before this time.")

    class Meta:
        model = RejectedMessage
        fields: list[str] = []


class FaultGroupFilter(StrictFilterSet):
    """Filters of the faults of rejected messages."""

    source = CharFilter("source__key", help_text="The key of the source.")
    code = CharFilter("code", help_text="Why, such as missing_event.")

    class Meta:
        model = RejectedMessage
        fields: list[str] = []


class ImportFilter(StrictFilterSet):
    """Filters of imported files."""

    source = CharFilter("source__key", help_text="The key of the source.")
    status = ChoiceFilter(choices=FileImport.Status.choices)
    name = CharFilter("name", "icontains", help_text="A part of the name of the file.")
    after = TimeFilter("created_at", "gte", help_text="Begun at this time or later.")
    before = TimeFilter("created_at", "lt", help_text="Begun before this time.")

    class Meta:
        model = FileImport
        fields: list[str] = []


class RefusedRowFilter(StrictFilterSet):
    """Filters of the refused rows of a file."""

    code = CharFilter("code", help_text="Why, such as invalid_time.")
    column = CharFilter("column", help_text="The column of the fault.")

    class Meta:
        model = RefusedRow
        fields: list[str] = []


class SavedMappingFilter(StrictFilterSet):
    """Filters of saved mappings."""

    key = CharFilter("key")

    class Meta:
        model = SavedMapping
        fields: list[str] = []


class ProductFilter(StrictFilterSet):
    """Filters of products."""

    id = CharFilter("number", help_text="The number of one product.")
    name = CharFilter("name", "icontains", help_text="A part of the name.")
    category = CharFilter("category", "startswith", help_text="The category, or one above it.")

    class Meta:
        model = Product
        fields: list[str] = []
