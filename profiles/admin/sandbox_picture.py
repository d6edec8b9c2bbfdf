"""People of the sandbox as SVG: a frame a person, what facts tied together, and what they lost.

Invariant: the same history gives the same picture, and every tie has its words in a title.
"""

from collections.abc import Iterator

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from profiles.admin.profile.graph import (
    COLUMN_GAP,
    CONTACTS,
    CURVE_WIDTH,
    MARGIN,
    NODE_HEIGHT,
    NODE_WIDTH,
    ROW_HEIGHT,
    GraphNode,
    draw_node,
)
from profiles.identifiers.references import Ref
from profiles.identity.ruleset.sandbox import Played

HEAD = 22  # of a frame, for the name of the person
PADDING = 10
WIDTH = 3 * NODE_WIDTH + 2 * COLUMN_GAP + CURVE_WIDTH + 2 * (MARGIN + PADDING)
Corners = dict[Ref, tuple[int, int]]


def sandbox_picture(played: Played, *, title: str) -> SafeString:
    """Draw the people; nothing where there is nobody."""
    if not played.people:
        return SafeString("")
    frames, corners, height = _lay_out(played)
    return format_html(
        '<svg class="t-graph t-graph-wide" viewBox="0 0 {} {}" width="{}" role="img"'
        ' aria-label="{}">{}{}{}</svg>',
        WIDTH,
        height,
        WIDTH,
        title,
        format_html_join("", "{}", ((frame,) for frame in frames)),
        format_html_join("", "{}", ((tie,) for tie in _ties(played, corners))),
        format_html_join("", "{}", ((_node(played, ref, corners[ref]),) for ref in corners)),
    )


def _lay_out(played: Played) -> tuple[list[SafeString], Corners, int]:
    """Return the frames from top to bottom, where each identifier lies, and the height."""
    frames: list[SafeString] = []
    corners: Corners = {}
    # Empty columns take no space.
    used = sorted({_column(played, ref) for refs in played.people for ref in refs})
    top = MARGIN
    for number, refs in enumerate(played.people, 1):
        columns: dict[int, int] = {}
        for ref in refs:
            column = used.index(_column(played, ref))
            row = columns[column] = columns.get(column, -1) + 1
            corners[ref] = (
                MARGIN + PADDING + column * (NODE_WIDTH + COLUMN_GAP),
                top + HEAD + row * ROW_HEIGHT,
            )
        height = HEAD + (1 + max(columns.values())) * ROW_HEIGHT
        name = gettext("Person %(number)d") % {"number": number}
        frames.append(
            format_html(
                '<g class="t-cluster"><rect x="{}" y="{}" width="{}" height="{}" rx="12"/>'
                '<text x="{}" y="{}">{}</text></g>',
                *(MARGIN, top, WIDTH - 2 * MARGIN, height),
                *(MARGIN + PADDING, top + 15, name),
            )
        )
        top += height + PADDING
    return frames, corners, top


def _column(played: Played, ref: Ref) -> int:
    if ref in played.weak:
        return 2
    return 1 if ref.namespace in CONTACTS else 0


def _ties(played: Played, corners: Corners) -> Iterator[SafeString]:
    """Yield what each fact tied to its highest identifier, and what it lost."""
    for number, step in enumerate(played.steps, 1):
        if not step.kept:
            continue
        anchor = step.kept[0]
        for ref in step.kept[1:]:
            words = gettext("Fact %(number)d names both.") % {"number": number}
            yield _tie("t-tie", corners[anchor], corners[ref], words)
        for lost in step.lost:
            if lost.ref in corners:
                words = gettext("Fact %(number)d: %(reason)s")
                title = words % {"number": number, "reason": lost.reason}
                yield _tie("t-tie t-refused", corners[anchor], corners[lost.ref], title)


def _tie(style: str, start: tuple[int, int], end: tuple[int, int], title: str) -> SafeString:
    # From the left node to the right one.
    (x1, y1), (x2, y2) = sorted((start, end))
    left, from_y, to_y = x1 + NODE_WIDTH, y1 + NODE_HEIGHT // 2, y2 + NODE_HEIGHT // 2
    if x1 == x2:
        bend, right = left + CURVE_WIDTH, left
    else:
        bend, right = (left + x2) // 2, x2
    return format_html(
        '<path class="{}" d="M{} {} C{} {} {} {} {} {}"><title>{}</title></path>',
        *(style, left, from_y, bend, from_y, bend, to_y, right, to_y, title),
    )


def _node(played: Played, ref: Ref, corner: tuple[int, int]) -> SafeString:
    node = GraphNode(
        id=0,
        namespace=ref.namespace,
        label=ref.value,
        is_vouched=ref in played.vouched,
        is_weak=ref in played.weak,
    )
    return draw_node(node, corner)
