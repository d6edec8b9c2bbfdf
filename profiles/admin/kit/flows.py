"""Bars of who came and who left, by day and reason, as SVG.

Invariant: as in `charts`, colours come from the stylesheet by class, and every mark has its value
in a title.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from profiles.admin.kit.formatting import number

WIDTH, HEIGHT = 640, 140
GAP = 1.0
MOST_WIDE = 24.0  # of a single day


class Flow(NamedTuple):
    """How many moved for one reason; `place` chooses its colour, `up` says that they came."""

    place: int
    reason: str
    people: int
    up: bool


class FlowDay(NamedTuple):
    """All that moved on one day."""

    label: str
    flows: Sequence[Flow]


def flow_bars(days: Sequence[FlowDay], *, title: str) -> SafeString:
    """Draw for each day what came upwards and what left downwards; nothing for no days."""
    if not days:
        return SafeString("")
    most_up, most_down = (
        max(sum(flow.people for flow in day.flows if flow.up is up) for day in days)
        for up in (True, False)
    )
    scale = (HEIGHT - 4) / (most_up + most_down or 1)
    floor = 2 + most_up * scale
    marks = format_html_join(
        "",
        '<rect class="t-flow-{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
        _marks(days, floor, scale),
    )
    return format_html(
        '<svg class="t-flows" viewBox="0 0 {} {}" role="img" aria-label="{}">{}'
        '<line class="t-axis" x1="0" x2="{}" y1="{}" y2="{}"/></svg>',
        WIDTH,
        HEIGHT,
        title,
        marks,
        WIDTH,
        round(floor, 1),
        round(floor, 1),
    )


def _marks(days: Sequence[FlowDay], floor: float, scale: float) -> Iterator[tuple[object, ...]]:
    step = WIDTH / len(days)
    width = min(step - GAP, MOST_WIDE)
    for place, day in enumerate(days):
        x = round(place * step + (step - width) / 2, 1)
        up = down = floor
        for flow in sorted(day.flows, key=lambda flow: flow.place):
            tall = flow.people * scale
            if flow.up:
                up -= tall
            y = up if flow.up else down
            if not flow.up:
                down += tall
            sign = "+" if flow.up else "−"
            words = f"{day.label}: {sign}{number(flow.people)}, {flow.reason}"
            yield flow.place, x, round(y, 1), round(width, 1), round(max(tall, 0.5), 1), words
