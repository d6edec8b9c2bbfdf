"""Small charts as SVG: bars, a curve, a sparkline, a share, a treemap.

Invariant: colours and fonts come from the stylesheet by class, so that a chart follows the light
and the dark theme, and every mark has its value in a title.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import accumulate
from typing import NamedTuple

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from profiles.admin.kit.formatting import day_text, moment_text, number

BAR_HEIGHT = 48
CURVE_WIDTH, CURVE_HEIGHT = 640, 160
CURVE_LEFT, CURVE_RIGHT = 8, CURVE_WIDTH - 8
CURVE_TOP, CURVE_FLOOR = 22, CURVE_HEIGHT - 22
TREEMAP_WIDTH, TREEMAP_HEIGHT = 640, 280
TILE = (
    '<a href="{}"><rect class="t-tile" x="{}" y="{}" width="{}" height="{}"><title>{}</title>'
    '</rect><text x="{}" y="{}">{}</text><text class="t-faint" x="{}" y="{}">{}</text></a>'
)
LETTER_WIDTH, FEWEST_LETTERS = 7, 6
MOST_DOTS = 40  # more would overlap


class Bar(NamedTuple):
    """One bar: its value, and the label of what it counts, such as a day."""

    label: str
    value: int


class Point(NamedTuple):
    """The value at one time."""

    at: datetime
    value: int


def bars(columns: Sequence[Bar], *, title: str, height: int = BAR_HEIGHT) -> SafeString:
    """Draw bars side by side over the whole width; a value of 0 is a hair line."""
    most = max((bar.value for bar in columns), default=0) or 1
    marks = format_html_join(
        "",
        '<rect class="{}" x="{}" y="{}" width="8" height="{}" rx="1"><title>{}: {}</title></rect>',
        (
            (
                "t-bar" if bar.value else "t-bar-none",
                place * 10 + 1,
                round(height - tall, 1),
                round(tall, 1),
                bar.label,
                number(bar.value),
            )
            for place, bar in enumerate(columns)
            for tall in [max(bar.value / most * (height - 2), 1)]
        ),
    )
    return format_html(
        '<svg class="t-bars" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img"'
        ' aria-label="{}">{}</svg>',
        max(len(columns), 1) * 10,
        height,
        title,
        marks,
    )


class Tile(NamedTuple):
    """One tile of a treemap: its name and value, what its title says, and where it leads."""

    label: str
    value: int
    title: str
    url: str


Box = tuple[float, float, float, float]


def treemap(tiles: Sequence[Tile], *, title: str) -> SafeString:
    """Draw tiles whose areas are as their values; one of 0 has none."""
    largest_first = sorted((tile for tile in tiles if tile.value), key=lambda tile: -tile.value)
    boxes = _split(largest_first, (0, 0, TREEMAP_WIDTH, TREEMAP_HEIGHT))
    marks = format_html_join("", TILE, (_tile_parts(tile, box) for tile, box in boxes))
    return format_html(
        '<svg class="t-treemap" viewBox="0 0 {} {}" role="group" aria-label="{}">{}</svg>',
        TREEMAP_WIDTH,
        TREEMAP_HEIGHT,
        title,
        marks,
    )


def _split(tiles: Sequence[Tile], box: Box) -> Iterator[tuple[Tile, Box]]:
    """Yield each tile with its box: halves of about equal value, across the longer side."""
    if len(tiles) < 2:
        yield from ((tile, box) for tile in tiles)
        return
    total = sum(tile.value for tile in tiles)
    sums = list(accumulate(tile.value for tile in tiles))
    cut = min(range(1, len(tiles)), key=lambda place: abs(2 * sums[place - 1] - total))
    share = sums[cut - 1] / total
    x, y, width, height = box
    if width >= height:
        first, second = (
            (x, y, width * share, height),
            (x + width * share, y, width * (1 - share), height),
        )
    else:
        first, second = (
            (x, y, width, height * share),
            (x, y + height * share, width, height * (1 - share)),
        )
    yield from _split(tiles[:cut], first)
    yield from _split(tiles[cut:], second)


def _tile_parts(tile: Tile, box: Box) -> tuple[object, ...]:
    x, y, width, height = (round(side, 1) for side in box)
    letters = int(width // LETTER_WIDTH)
    label = tile.label if len(tile.label) <= letters else f"{tile.label[: letters - 1]}…"
    # A label that has no room is in the title only.
    has_room = height > 30 and letters >= FEWEST_LETTERS
    texts = (label, number(tile.value)) if has_room else ("", "")
    return (
        tile.url,
        x,
        y,
        width,
        height,
        tile.title,
        x + 6,
        y + 16,
        texts[0],
        x + 6,
        y + 30,
        texts[1],
    )


def first_and_last(first: int, last: int) -> str:
    """Return the words of a picture that shows how a number went."""
    return _("%(first)s to %(last)s") % {"first": number(first), "last": number(last)}


def sparkline(values: Sequence[int], *, title: str) -> SafeString:
    """Draw a line without axes, for one cell of a list; nothing for fewer than two values."""
    if len(values) < 2:
        return SafeString("")
    low, high = min(values), max(values)
    span = (high - low) or 1
    step = 96 / (len(values) - 1)
    line = " ".join(
        f"{place * step + 2:.1f},{22 - (value - low) / span * 18:.1f}"
        for place, value in enumerate(values)
    )
    return format_html(
        '<svg class="t-spark" viewBox="0 0 100 24" role="img" aria-label="{}"><title>{}</title>'
        '<polyline points="{}"/></svg>',
        title,
        title,
        line,
    )


class _Scale(NamedTuple):
    """Maps times and values to the coordinates of a curve."""

    first: datetime
    seconds: float
    most: int

    def x(self, at: datetime) -> float:
        share = (at - self.first).total_seconds() / self.seconds
        return round(CURVE_LEFT + share * (CURVE_RIGHT - CURVE_LEFT), 1)

    def y(self, value: int) -> float:
        return round(CURVE_FLOOR - value / (self.most or 1) * (CURVE_FLOOR - CURVE_TOP), 1)


def curve(points: Sequence[Point], *, title: str) -> SafeString:
    """Draw a stepped curve over time, with its ends and its highest value as text.

    A single point is a level line.
    """
    if not points:
        return SafeString("")
    first, last = points[0].at, points[-1].at
    most = max(point.value for point in points)
    scale = _Scale(first, (last - first).total_seconds() or 1.0, most)
    line = _steps(points, scale)
    return format_html(
        '<svg class="t-curve" viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '<line class="t-axis" x1="{}" x2="{}" y1="{}" y2="{}"/>'
        '<path class="t-area" d="{}"/><path class="t-line" d="{}"/>{}'
        '<text x="{}" y="{}">{}</text><text class="t-end" x="{}" y="{}">{}</text>'
        '<text class="t-end" x="{}" y="10">{}</text></svg>',
        CURVE_WIDTH,
        CURVE_HEIGHT,
        title,
        # the axis
        CURVE_LEFT,
        CURVE_RIGHT,
        CURVE_FLOOR,
        CURVE_FLOOR,
        # the area, the line and its dots
        f"{line} V{CURVE_FLOOR} H{CURVE_LEFT} Z",
        line,
        _dots(points, scale),
        # the texts
        CURVE_LEFT,
        CURVE_HEIGHT - 6,
        day_text(first),
        CURVE_RIGHT,
        CURVE_HEIGHT - 6,
        day_text(last),
        CURVE_RIGHT,
        _("most %(number)s") % {"number": number(most)},
    )


def _steps(points: Sequence[Point], scale: _Scale) -> str:
    """Return the path of the curve, on which a value lasts until the next point."""
    steps = [f"H{scale.x(point.at)} V{scale.y(point.value)}" for point in points[1:]]
    return " ".join([f"M{CURVE_LEFT} {scale.y(points[0].value)}", *steps, f"H{CURVE_RIGHT}"])


def _dots(points: Sequence[Point], scale: _Scale) -> SafeString:
    """Draw a dot with its value for each point, unless there are too many."""
    return format_html_join(
        "",
        '<circle cx="{}" cy="{}" r="2.5"><title>{}: {}</title></circle>',
        (
            (scale.x(at), scale.y(value), moment_text(at), number(value))
            for at, value in (points if len(points) <= MOST_DOTS else ())
        ),
    )


def share_bar(part: int, whole: int, *, title: str) -> SafeString:
    """Draw one bar of which a part is filled."""
    filled = round(part / whole * 100, 1) if whole else 0
    return format_html(
        '<svg class="t-share" viewBox="0 0 100 6" preserveAspectRatio="none" role="img"'
        ' aria-label="{}"><title>{}</title><rect class="t-bar-none" width="100" height="6" rx="1"/>'
        '<rect class="t-bar" width="{}" height="6" rx="1"/></svg>',
        title,
        title,
        filled,
    )
