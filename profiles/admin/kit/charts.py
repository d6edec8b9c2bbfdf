"""Small pictures drawn on the server as SVG: bars, a curve, a sparkline, a share.

Invariant: colours and fonts come from the stylesheet by class, so that a picture follows the light and the dark theme, and every
mark says its value in a title.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

BAR_HEIGHT = 48
CURVE_WIDTH, CURVE_HEIGHT = 640, 160
MOST_DOTS = 40


class Bar(NamedTuple):
    """One bar: how much, and what it stands for, such as a day."""

    label: str
    value: int


class Point(NamedTuple):
    """How much there was at a time."""

    at: datetime
    value: int


def bars(shown: Sequence[Bar], *, title: str, height: int = BAR_HEIGHT) -> SafeString:
    """Bars side by side over the whole width; one without a value leaves a hair line."""
    most = max((bar.value for bar in shown), default=0) or 1
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
                f"{bar.value:,}",
            )
            for place, bar in enumerate(shown)
            for tall in [max(bar.value / most * (height - 2), 1)]
        ),
    )
    return format_html(
        '<svg class="t-bars" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>',
        max(len(shown), 1) * 10,
        height,
        title,
        marks,
    )


def sparkline(values: Sequence[int], *, title: str) -> SafeString:
    """A line without axes, for one cell of a list; nothing where there are fewer than two values."""
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
    """Where a time and a size are in the picture of a curve."""

    first: datetime
    seconds: float
    most: int

    left, right, top, floor = 8, CURVE_WIDTH - 8, 22, CURVE_HEIGHT - 22

    def x(self, at: datetime) -> float:
        part = (at - self.first).total_seconds() / self.seconds
        return round(self.left + part * (self.right - self.left), 1)

    def y(self, value: int) -> float:
        return round(self.floor - value / (self.most or 1) * (self.floor - self.top), 1)


def curve(points: Sequence[Point], *, title: str) -> SafeString:
    """A stepped curve over time with its extremes named; one point is a level line."""
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
        *(CURVE_WIDTH, CURVE_HEIGHT, title),
        *(scale.left, scale.right, scale.floor, scale.floor),
        *(f"{line} V{scale.floor} H{scale.left} Z", line, _dots(points, scale)),
        *(scale.left, CURVE_HEIGHT - 6, f"{first:%-d %b %Y}"),
        *(scale.right, CURVE_HEIGHT - 6, f"{last:%-d %b %Y}"),
        *(scale.right, f"most {most:,}"),
    )


def _steps(points: Sequence[Point], scale: _Scale) -> str:
    """A size holds until the next one."""
    steps = [f"H{scale.x(point.at)} V{scale.y(point.value)}" for point in points[1:]]
    return " ".join([f"M{scale.left} {scale.y(points[0].value)}", *steps, f"H{scale.right}"])


def _dots(points: Sequence[Point], scale: _Scale) -> SafeString:
    """Marks that say their value; only where there are few enough to be told apart."""
    return format_html_join(
        "",
        '<circle cx="{}" cy="{}" r="2.5"><title>{}: {}</title></circle>',
        (
            (scale.x(at), scale.y(value), f"{at:%-d %b %Y %H:%M}", f"{value:,}")
            for at, value in (points if len(points) <= MOST_DOTS else ())
        ),
    )


def share_bar(part: int, whole: int, *, title: str) -> SafeString:
    """One bar of which a part is filled."""
    filled = round(part / whole * 100, 1) if whole else 0
    return format_html(
        '<svg class="t-share" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<title>{}</title><rect class="t-bar-none" width="100" height="6" rx="1"/>'
        '<rect class="t-bar" width="{}" height="6" rx="1"/></svg>',
        title,
        title,
        filled,
    )
