"""Sets and what they have in common as SVG, in the manner of UpSet.

One row for each set with its size, one column for each combination: dots say which sets it is of,
and a bar above them how many are in exactly these. Source: Lex et al., UpSet: Visualization of
Intersecting Sets, 2014.

Invariant: as in `charts`, colours come from the stylesheet by class, and every mark has its value
in a title.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from profiles.admin.kit.formatting import number

NAMES = 210  # the width of the names and of the bars of the sets
COLUMN, ROW = 30, 24
BARS = 130  # the height of the bars above
LONGEST_NAME = 24
BAR = (
    '<a href="{}"><title>{}</title><rect class="t-column" x="{}" y="0" width="{}" height="{}"/>'
    '<rect class="t-bar" x="{}" y="{}" width="18" height="{}"/>'
    '<text class="t-middle" x="{}" y="{}">{}</text></a>'
)
DOT = '<circle class="{}" cx="{}" cy="{}" r="6"/>'
LINK = '<line class="t-tie" x1="{}" x2="{}" y1="{}" y2="{}"/>'
SET = (
    '<rect class="{}" x="0" y="{}" width="100%" height="{}"/><g><title>{}</title>'
    '<rect class="t-set" x="0" y="{}" width="{}" height="4"/><text x="0" y="{}">{}</text></g>'
)


class Set(NamedTuple):
    """One set: its key, its name and its size."""

    key: str
    name: str
    size: int


class Meeting(NamedTuple):
    """How many are in exactly these sets, in words, and where that leads."""

    keys: frozenset[str]
    size: int
    title: str
    url: str


def upset(sets: Sequence[Set], meetings: Sequence[Meeting], *, title: str) -> SafeString:
    """Draw the sets and their meetings, in the order in which they are given."""
    width = NAMES + max(len(meetings), 1) * COLUMN + 10
    height = BARS + len(sets) * ROW + 6
    return format_html(
        '<svg class="t-upset" viewBox="0 0 {} {}" width="{}" height="{}" role="group"'
        ' aria-label="{}">{}{}{}{}</svg>',
        width,
        height,
        width,
        height,
        title,
        format_html_join("", SET, _set_parts(sets)),
        format_html_join("", BAR, _bar_parts(meetings, height)),
        format_html_join("", LINK, _link_parts(sets, meetings)),
        format_html_join("", DOT, _dot_parts(sets, meetings)),
    )


def _row(place: int) -> int:
    """Return the middle of the row of a set."""
    return BARS + place * ROW + ROW // 2


def _column(place: int) -> int:
    return NAMES + place * COLUMN + COLUMN // 2


def _set_parts(sets: Sequence[Set]) -> Iterator[tuple[object, ...]]:
    most = max((each.size for each in sets), default=0) or 1
    for place, each in enumerate(sets):
        short = each.name if len(each.name) <= LONGEST_NAME else f"{each.name[:LONGEST_NAME]}…"
        yield (
            "t-stripe" if place % 2 else "t-stripe-none",
            _row(place) - ROW // 2,
            ROW,
            f"{each.name}: {number(each.size)}",
            _row(place) + 6,
            round(each.size / most * (NAMES - 20), 1),
            _row(place) + 2,
            f"{short} {number(each.size)}",
        )


def _bar_parts(meetings: Sequence[Meeting], height: int) -> Iterator[tuple[object, ...]]:
    most = max((meeting.size for meeting in meetings), default=0) or 1
    for place, meeting in enumerate(meetings):
        middle, tall = _column(place), max(meeting.size / most * (BARS - 24), 1)
        top = round(BARS - 6 - tall, 1)
        yield (
            meeting.url,
            meeting.title,
            middle - COLUMN // 2,
            COLUMN,
            height,
            middle - 9,
            top,
            round(tall, 1),
            middle,
            top - 4,
            _short(meeting.size),
        )


def _short(size: int) -> str:
    """Return a number in four characters or so; the whole one is in the title."""
    return number(size) if size < 10_000 else f"{number(round(size / 1000))}k"


def _link_parts(sets: Sequence[Set], meetings: Sequence[Meeting]) -> Iterator[tuple[object, ...]]:
    for column, meeting in enumerate(meetings):
        rows = [_row(place) for place, each in enumerate(sets) if each.key in meeting.keys]
        yield _column(column), _column(column), rows[0], rows[-1]


def _dot_parts(sets: Sequence[Set], meetings: Sequence[Meeting]) -> Iterator[tuple[object, ...]]:
    for column, meeting in enumerate(meetings):
        for row, each in enumerate(sets):
            kind = "t-dot" if each.key in meeting.keys else "t-dot-none"
            yield kind, _column(column), _row(row)
