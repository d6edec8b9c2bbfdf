"""Building blocks of lists in every app's API: strict filters, pages of rows, single pages."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django_filters.fields import IsoDateTimeField, IsoDateTimeRangeField, RangeField
from django_filters.rest_framework import (
    FilterSet,
    IsoDateTimeFilter,
    IsoDateTimeFromToRangeFilter,
)
from drf_spectacular.utils import inline_serializer
from rest_framework import serializers
from rest_framework.response import Response

from profiles.api.kit.strict import PAGING


class TimeField(IsoDateTimeField):  # type: ignore[misc]  # django-filter has no types
    """A time in UTC. PostgreSQL takes no offset of sixteen hours, which ISO 8601 can write."""

    def to_python(self, value: Any) -> datetime | None:
        moment: datetime | None = super().to_python(value)
        try:
            return moment and moment.astimezone(UTC)
        except OverflowError:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None


class TimeRangeField(IsoDateTimeRangeField):  # type: ignore[misc]
    """Two times, of which either may be missing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        RangeField.__init__(self, (TimeField(), TimeField()), *args, **kwargs)


class TimeFilter(IsoDateTimeFilter):  # type: ignore[misc]
    """Compares with one time."""

    field_class = TimeField


class TimeRangeFilter(IsoDateTimeFromToRangeFilter):  # type: ignore[misc]
    """Finds what lies between two times: the parameters end in `_after` and `_before`."""

    field_class = TimeRangeField


class StrictFilterSet(FilterSet):  # type: ignore[misc]  # django-filter has no types
    """The base of all filters, which knows by name what it filters by."""

    @classmethod
    def knows(cls, name: str) -> bool:
        """Whether a list with these filters reads the query parameter."""
        filters = cls.base_filters.items()
        return name in PAGING or any(name in _parameters(*item) for item in filters)


def _parameters(name: str, field: Any) -> list[str]:
    """Return the parameters of a filter: its name, or `size_min`, `size_max` of a range."""
    suffixes = getattr(field.field_class.widget, "suffixes", ())
    return [f"{name}_{suffix}" for suffix in suffixes] or [name]


class RowPages:
    """Adds lists of rows below one object to a viewset, as actions.

    The action names `serializer_class`, `filterset_class` and `cursor_ordering`.
    """

    def page_of_rows(self: Any, rows: QuerySet[Any]) -> Response:
        """Return a filtered page of rows."""
        page = self.paginate_queryset(self.filter_queryset(rows))
        return cast(
            "Response", self.get_paginated_response(self.get_serializer(page, many=True).data)
        )


def one_page(serializer: type[serializers.Serializer[Any]], rows: Iterable[Any]) -> Response:
    """Return serialized rows that always fit one page, in the shape of all lists."""
    results = serializer(rows, many=True).data
    return Response({"next": None, "previous": None, "results": results})


@cache
def page_of(serializer: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """Return the schema of such a page. Cached, since a schema must not define a name twice."""
    name = serializer.__name__.removesuffix("Serializer")
    shape = {
        "next": _null_field(),
        "previous": _null_field(),
        "results": serializer(many=True),
    }
    return inline_serializer(f"{name}Page", shape)


def _null_field() -> serializers.CharField:
    return serializers.CharField(allow_null=True, help_text="Always null: there is one page.")
