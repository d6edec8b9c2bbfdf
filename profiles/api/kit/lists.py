"""Building blocks of lists in every app's API: strict filters, pages of rows, single pages."""

from collections.abc import Iterable
from functools import cache
from typing import Any, cast

from django.db.models import QuerySet
from django_filters.rest_framework import FilterSet
from drf_spectacular.utils import inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.response import Response

# Query parameters that belong to the paginator and the renderer.
PAGING = frozenset({"cursor", "page_size", "format"})


class StrictFilterSet(FilterSet):  # type: ignore[misc]  # django-filter has no types
    """Refuses unknown filters: ignoring a misspelt one would return all rows."""

    def is_valid(self) -> bool:
        unknown = {
            name: [ErrorDetail("No filter of this list.", code="unknown_filter")]
            for name in self.data
            if name not in PAGING and not self.has_filter(name)
        }
        if unknown:
            raise ValidationError(unknown)
        return bool(super().is_valid())

    def has_filter(self, name: str) -> bool:
        return name in self.filters


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
