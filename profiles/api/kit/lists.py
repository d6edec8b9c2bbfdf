"""What lists have in common in every app's API: filters that refuse what they do not know, and lists of one page."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from django_filters.rest_framework import FilterSet
from drf_spectacular.utils import inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.response import Response

PAGING = frozenset({"cursor", "page_size", "format"})


class StrictFilterSet(FilterSet):
    """Refuses a filter that it does not know: a misspelt one, passed over, would return everybody."""

    def is_valid(self) -> bool:
        unknown = {
            name: [ErrorDetail("No filter of this list.", code="unknown_filter")]
            for name in self.data
            if name not in PAGING and not self.takes(name)
        }
        if unknown:
            raise ValidationError(unknown)
        return bool(super().is_valid())

    def takes(self, name: str) -> bool:
        return name in self.filters


def one_page(rows: Iterable[Any]) -> Response:
    """A list that always fits one page, in the shape of all lists."""
    return Response({"next": None, "previous": None, "results": list(rows)})


@cache
def page_of(serializer: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """The schema of such a page."""
    name = serializer.__name__.removesuffix("Serializer")
    null = {"allow_null": True, "help_text": "Always null: there is one page."}
    shape = {
        "next": serializers.CharField(**null),
        "previous": serializers.CharField(**null),
        "results": serializer(many=True),
    }
    return inline_serializer(f"{name}Page", shape)
