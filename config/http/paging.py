"""Cursor pagination of all lists.

Invariant: a cursor holds the position of a row, which is its values of all fields of the order, and
the order is unique. So rows with equal times are neither skipped nor repeated, however many there
are.
"""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.core.exceptions import FieldDoesNotExist
from django.core.exceptions import ValidationError as ModelValidationError
from django.db.models import DateTimeField, Model, Q, QuerySet
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from profiles.api.kit.lists import TimeField
from profiles.lib import exact_json


class PageStart(NamedTuple):
    """What a cursor stands for: a page right after, or before, the row at this position."""

    is_backward: bool
    position: list[Any]


class CursorPages(CursorPagination):
    """Pages as `{"next", "previous", "results"}`.

    The view's `cursor_ordering` lists the fields of the order. They must be unique together, and
    none may be NULL, since NULL compares with nothing.
    """

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 500
    ordering = ("-id",)

    # Set by `paginate_queryset`.
    base_url: str
    fields: tuple[str, ...]
    start: PageStart | None
    is_backward: bool
    has_more: bool
    page: list[Any]

    def paginate_queryset(  # type: ignore[override]  # no view has a list that is not a queryset
        self, queryset: QuerySet[Any], request: Request, view: Any = None
    ) -> list[Any]:
        self.base_url = request.build_absolute_uri()
        self.fields = tuple(getattr(view, "cursor_ordering", self.ordering))
        self.start = _parse_cursor(request.query_params.get(self.cursor_query_param), self.fields)
        self.is_backward = self.start is not None and self.start.is_backward
        size = self.get_page_size(request) or self.page_size
        order = [_reverse(field) for field in self.fields] if self.is_backward else self.fields
        # One row more than the page has tells whether another page follows.
        rows = list(self._rows_from_start(queryset.order_by(*order))[: size + 1])
        self.has_more = len(rows) > size
        self.page = rows[:size][::-1] if self.is_backward else rows[:size]
        return self.page

    def get_next_link(self) -> str | None:
        # A page that was reached backward is followed by the row of its cursor.
        has_next = self.is_backward or self.has_more
        return self._link(self.page[-1], is_backward=False) if has_next and self.page else None

    def get_previous_link(self) -> str | None:
        has_previous = self.has_more if self.is_backward else self.start is not None
        return self._link(self.page[0], is_backward=True) if has_previous and self.page else None

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }

    def _rows_from_start(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.start is None:
            return queryset
        try:
            position = [
                _value_of(queryset.model, field.lstrip("-"), value)
                for field, value in zip(self.fields, self.start.position, strict=True)
            ]
            start = self.start._replace(position=position)
            return queryset.filter(_rows_beyond(start, self.fields))
        except (TypeError, ValueError, ModelValidationError) as error:
            # A value of the cursor is not one of its field.
            raise _invalid_cursor() from error

    def _link(self, row: Any, *, is_backward: bool) -> str:
        position = [_value_at(row, field.lstrip("-")) for field in self.fields]
        text = json.dumps([is_backward, position], default=str)
        cursor = urlsafe_b64encode(text.encode()).decode()
        return replace_query_param(self.base_url, self.cursor_query_param, cursor)


def _rows_beyond(start: PageStart, fields: Sequence[str]) -> Q:
    """Match the rows after the position in the order of `fields`, or before it if backward.

    They differ from the position in a first field, whatever the fields behind it: for an order by
    (a, b) these are the rows with a beyond, or with the same a and b beyond.
    """
    names = [field.lstrip("-") for field in fields]
    lookups = ["lt" if field.startswith("-") != start.is_backward else "gt" for field in fields]
    beyond = Q()
    for place, (name, lookup) in enumerate(zip(names, lookups, strict=True)):
        same = dict(zip(names[:place], start.position[:place], strict=True))
        beyond |= Q(**same, **{f"{name}__{lookup}": start.position[place]})
    # It follows from `beyond`, but an index range is only derived from a plain condition.
    return Q(**{f"{names[0]}__{lookups[0]}e": start.position[0]}) & beyond


def _parse_cursor(text: str | None, fields: Sequence[str]) -> PageStart | None:
    """Return where the cursor's page starts, or None without a cursor.

    Raises ValidationError for a text that no page has as a cursor.
    """
    if text is None:
        return None
    try:
        is_backward, position = json.loads(urlsafe_b64decode(text.encode()))
    except (binascii.Error, ValueError, TypeError) as error:
        raise _invalid_cursor() from error
    is_position = isinstance(position, list) and len(position) == len(fields)
    if not is_position or not all(_is_comparable(value) for value in position):
        raise _invalid_cursor()
    return PageStart(is_backward is True, position)


def _invalid_cursor() -> ValidationError:
    return ValidationError({"cursor": [ErrorDetail("Not a cursor of this list.", code="invalid")]})


def _is_comparable(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, str) and exact_json.is_storable(value))


def _value_of(model: type[Model], path: str, value: Any) -> Any:
    """Return the value as one of the field at the path."""
    try:
        for name in path.split("__"):
            field: Any = model._meta.get_field(name)
            model = field.related_model
    except FieldDoesNotExist:  # an annotation of the list
        return value
    return TimeField().clean(value) if isinstance(field, DateTimeField) else value


def _reverse(field: str) -> str:
    return field[1:] if field.startswith("-") else f"-{field}"


def _value_at(row: Any, path: str) -> Any:
    """Return a field of a model or of a row of `values()`; double underscores follow relations."""
    if isinstance(row, Mapping):
        return row[path]
    for name in path.split("__"):
        row = getattr(row, name)
    return row
