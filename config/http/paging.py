"""Cursor pages of every list.

Invariant: a page goes on after the whole position of the last row, so that rows of equal times are neither lost nor
repeated, however many they are; the order that a view names is unique.
"""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError as ModelValidationError
from django.db.models import Q, QuerySet
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param


class Start(NamedTuple):
    """Where a page begins: just beyond the row at this position."""

    is_backward: bool
    position: list[Any]


class CursorPages(CursorPagination):
    """`{"next", "previous", "results"}`; the view's `cursor_ordering` names a unique order of fields without nulls."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 500
    ordering = ("-id",)

    def paginate_queryset(
        self, queryset: QuerySet[Any], request: Request, view: Any = None
    ) -> list[Any]:
        self.base_url = request.build_absolute_uri()
        self.fields = tuple(getattr(view, "cursor_ordering", self.ordering))
        self.start = read_cursor(request.query_params.get(self.cursor_query_param), self.fields)
        self.is_backward = self.start is not None and self.start.is_backward
        size = self.get_page_size(request) or self.page_size
        order = [flipped(field) for field in self.fields] if self.is_backward else self.fields
        rows = list(self._beyond(queryset.order_by(*order))[: size + 1])
        self.has_more = len(rows) > size
        self.page = rows[:size][::-1] if self.is_backward else rows[:size]
        return self.page

    def get_next_link(self) -> str | None:
        is_there_more = self.is_backward or self.has_more
        return self._link(self.page[-1], is_backward=False) if is_there_more and self.page else None

    def get_previous_link(self) -> str | None:
        is_there_more = self.has_more if self.is_backward else self.start is not None
        return self._link(self.page[0], is_backward=True) if is_there_more and self.page else None

    def _beyond(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.start is None:
            return queryset
        try:
            return queryset.filter(rows_beyond(self.start, self.fields))
        except (TypeError, ValueError, ModelValidationError) as error:
            raise bad_cursor() from error

    def _link(self, row: Any, *, is_backward: bool) -> str:
        position = [value_at(row, field.lstrip("-")) for field in self.fields]
        text = json.dumps([is_backward, position], default=str)
        cursor = urlsafe_b64encode(text.encode()).decode()
        link: str = replace_query_param(self.base_url, self.cursor_query_param, cursor)
        return link


def rows_beyond(start: Start, fields: Sequence[str]) -> Q:
    """The rows after a position in the order of `fields`, or before it. The first field is bounded for its index."""
    names = [field.lstrip("-") for field in fields]
    signs = ["lt" if field.startswith("-") != start.is_backward else "gt" for field in fields]
    beyond = Q()
    for place, (name, sign) in enumerate(zip(names, signs, strict=True)):
        same = dict(zip(names[:place], start.position[:place], strict=True))
        beyond |= Q(**same, **{f"{name}__{sign}": start.position[place]})
    return Q(**{f"{names[0]}__{signs[0]}e": start.position[0]}) & beyond


def read_cursor(text: str | None, fields: Sequence[str]) -> Start | None:
    """The start that a cursor names; None without one. Raises ValidationError for what no page ever gave."""
    if text is None:
        return None
    try:
        is_backward, position = json.loads(urlsafe_b64decode(text.encode()))
    except (binascii.Error, ValueError, TypeError) as error:
        raise bad_cursor() from error
    is_position = isinstance(position, list) and len(position) == len(fields)
    if not is_position or not all(is_readable(value) for value in position):
        raise bad_cursor()
    return Start(is_backward is True, position)


def bad_cursor() -> ValidationError:
    return ValidationError({"cursor": [ErrorDetail("Not a cursor of this list.", code="invalid")]})


def is_readable(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, str) and "\x00" not in value)


def flipped(field: str) -> str:
    return field[1:] if field.startswith("-") else f"-{field}"


def value_at(row: Any, path: str) -> Any:
    """The value of a field of a model or of a row of `values()`; double underscores follow keys."""
    if isinstance(row, Mapping):
        return row[path]
    for name in path.split("__"):
        row = getattr(row, name)
    return row
