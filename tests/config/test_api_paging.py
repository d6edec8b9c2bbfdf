"""Cursor pages, forward and back, over rows that are equal in all but the last field."""

from collections.abc import Sequence
from typing import Any

import pytest
from django.db.models import QuerySet
from hypothesis import given, settings
from hypothesis import strategies as some
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from config.http.paging import CursorPages
from profiles.models import Source


class ByPriority:
    cursor_ordering = ("-priority", "key")


def page(rows: QuerySet[Any], link: str) -> tuple[list[str], str | None, str | None]:
    """Return the keys of the page's rows, and the links to the next and the previous page."""
    pages = CursorPages()
    request = Request(APIRequestFactory().get(link))
    page_rows = pages.paginate_queryset(rows, request, ByPriority())
    return [row.key for row in page_rows], pages.get_next_link(), pages.get_previous_link()


@pytest.mark.django_db
@settings(deadline=None)
@given(priorities=some.lists(some.integers(0, 3), max_size=12), size=some.integers(1, 5))
def test_pages_forward_and_back_are_the_whole_list_in_order(
    priorities: Sequence[int], size: int
) -> None:
    Source.objects.all().delete()
    Source.objects.bulk_create(
        [Source(key=f"s{n:02}", name="x", priority=p) for n, p in enumerate(priorities)]
    )
    ranked = sorted(enumerate(priorities), key=lambda pair: (-pair[1], pair[0]))
    forward: list[list[str]] = []
    link: str | None = f"/?page_size={size}"
    while link:
        keys, link, back = page(Source.objects.all(), link)
        forward.append(keys)
    assert [key for keys in forward for key in keys] == [f"s{n:02}" for n, _ in ranked]
    assert all(len(keys) == size for keys in forward[:-1])
    backward = [forward[-1]]
    while back:
        keys, onward, back = page(Source.objects.all(), back)
        assert page(Source.objects.all(), onward or "")[0] == backward[0]
        backward.insert(0, keys)
    assert backward == forward


@pytest.mark.django_db
def test_a_row_that_comes_or_goes_between_pages_neither_hides_nor_repeats_others() -> None:
    for key in "bdf":
        Source.objects.create(key=key, name="x")
    first, link, _ = page(Source.objects.all(), "/?page_size=2")
    Source.objects.create(key="a", name="x")
    Source.objects.get(key="d").delete()
    second, _, _ = page(Source.objects.all(), link or "")
    assert (first, second) == (["b", "d"], ["f"])


@pytest.mark.django_db
@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "é",
        # Base64 of the JSON beside it.
        "bnVsbA==",  # null
        "W2ZhbHNlLFtdXQ==",  # [false,[]]
        "W2ZhbHNlLFsxXV0=",  # [false,[1]]
        "W2ZhbHNlLFsieCIsInkiXV0=",  # [false,["x","y"]]
        "W2ZhbHNlLFsxLHt9XV0=",  # [false,[1,{}]]
        "W2ZhbHNlLFsxLCJcdTAwMDAiXV0=",  # [false,[1,"\u0000"]]
    ],
)
def test_a_cursor_that_no_page_gave_is_refused(cursor: str) -> None:
    with pytest.raises(ValidationError):
        page(Source.objects.all(), f"/?cursor={cursor}")


@pytest.mark.django_db
@pytest.mark.parametrize(("requested", "size"), [("2", 2), ("0", 3), ("x", 3), ("100000", 3)])
def test_a_page_is_as_large_as_asked_within_bounds(requested: str, size: int) -> None:
    for key in "abc":
        Source.objects.create(key=key, name="x")
    assert len(page(Source.objects.all(), f"/?page_size={requested}")[0]) == size
