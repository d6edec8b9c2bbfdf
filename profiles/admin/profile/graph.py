"""The identity graph of a profile as SVG: identifiers as nodes, facts that name both as edges.

Invariant: labels are masked by the caller, and the same input gives the same picture.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import ngettext

MOST_NODES = 30  # more would not be readable
NODE_WIDTH, NODE_HEIGHT = 200, 36
ROW_HEIGHT, COLUMN_GAP = 46, 56
MARGIN = 4
CURVE_WIDTH = 46  # of an edge between two nodes of one column, which bulges to the right
CONTACTS = ("email", "phone")


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphNode:
    """One identifier. Weak are anonymous and device identifiers."""

    id: int
    namespace: str
    label: str
    is_vouched: bool
    is_weak: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphFact:
    """One fact, which names identifiers together."""

    identifier_ids: tuple[int, ...]
    source: str
    trust: int
    trust_name: str
    day: date


@dataclass(slots=True)
class Edge:
    """All facts that name two identifiers."""

    facts: list[GraphFact]

    @property
    def trust(self) -> int:
        return max(fact.trust for fact in self.facts)

    @property
    def title(self) -> str:
        words = ngettext(
            "Seen together %(times)d time by %(sources)s, on %(day)s; %(trust)s",
            "Seen together %(times)d times by %(sources)s, first on %(day)s; %(trust)s",
            len(self.facts),
        )
        return words % {
            "times": len(self.facts),
            "sources": ", ".join(sorted({fact.source for fact in self.facts})),
            "day": date_format(min(fact.day for fact in self.facts), "j M Y"),
            "trust": max(self.facts, key=lambda fact: fact.trust).trust_name,
        }


# The address of an edge, by the two identifiers.
Link = Callable[[int, int], str]
# The upper left corner of each node, by identifier.
Corners = dict[int, tuple[int, int]]


def identity_graph(
    nodes: Sequence[GraphNode], facts: Sequence[GraphFact], link: Link | None = None
) -> SafeString:
    """Draw the graph; nothing if there are no identifiers. `link` gives each edge an address."""
    drawn = nodes[:MOST_NODES]
    if not drawn:
        return SafeString("")
    corners, rows = _lay_out(drawn)
    edges = edges_of(facts, set(corners))
    width = 3 * NODE_WIDTH + 2 * COLUMN_GAP + CURVE_WIDTH + 2 * MARGIN
    return format_html(
        '<svg class="t-graph" viewBox="0 0 {} {}" width="{}" role="{}"'
        ' aria-label="Identity graph">{}{}</svg>',
        width,
        rows * ROW_HEIGHT + 2 * MARGIN,
        width,
        # Nothing within an image can be reached.
        "img" if link is None else "group",
        format_html_join(
            "", "{}", ((_draw_edge(pair, edge, corners, link),) for pair, edge in edges.items())
        ),
        # After the edges, so that boxes cover their ends.
        format_html_join("", "{}", ((draw_node(node, corners[node.id]),) for node in drawn)),
    )


def column_of(node: GraphNode) -> int:
    """Return 0 for identifiers of users, 1 for contacts, 2 for browsers and devices."""
    if node.namespace in CONTACTS:
        return 1
    return 2 if node.is_weak else 0


def _lay_out(nodes: Sequence[GraphNode]) -> tuple[Corners, int]:
    """Return the corners of the nodes, columns centred on the tallest, and the number of rows."""
    columns: dict[int, list[GraphNode]] = defaultdict(list)
    for node in nodes:
        columns[column_of(node)].append(node)
    rows = max(len(column) for column in columns.values())
    # Empty columns take no space.
    position = {column: index for index, column in enumerate(sorted(columns))}
    corners = {
        node.id: (
            MARGIN + position[column] * (NODE_WIDTH + COLUMN_GAP),
            round((rows - len(members)) * ROW_HEIGHT / 2) + row * ROW_HEIGHT + 2 * MARGIN,
        )
        for column, members in columns.items()
        for row, node in enumerate(members)
    }
    return corners, rows


def edges_of(facts: Sequence[GraphFact], drawn_ids: set[int]) -> dict[tuple[int, int], Edge]:
    """Return the edges by their ends: from the first identifier of a fact to each of the others."""
    edges: dict[tuple[int, int], Edge] = {}
    for fact in facts:
        ids = [identifier_id for identifier_id in fact.identifier_ids if identifier_id in drawn_ids]
        for other_id in ids[1:]:
            pair = (min(ids[0], other_id), max(ids[0], other_id))
            edges.setdefault(pair, Edge([])).facts.append(fact)
    return edges


def _draw_edge(
    pair: tuple[int, int], edge: Edge, corners: Corners, link: Link | None
) -> SafeString:
    # From the left node to the right one.
    (x1, y1), (x2, y2) = sorted((corners[pair[0]], corners[pair[1]]))
    middle1, middle2 = y1 + NODE_HEIGHT // 2, y2 + NODE_HEIGHT // 2
    start = x1 + NODE_WIDTH
    if x1 == x2:
        bulge = start + CURVE_WIDTH
        path = f"M{start} {middle1} C{bulge} {middle1} {bulge} {middle2} {start} {middle2}"
    else:
        bend = (start + x2) // 2
        path = f"M{start} {middle1} C{bend} {middle1} {bend} {middle2} {x2} {middle2}"
    drawn = format_html(
        '<path class="t-tie t-trust-{}" d="{}"><title>{}</title></path>',
        edge.trust,
        path,
        edge.title,
    )
    if link is None:
        return drawn
    return format_html('<a href="{}" aria-label="{}">{}</a>', link(*pair), edge.title, drawn)


def draw_node(node: GraphNode, corner: tuple[int, int]) -> SafeString:
    x, y = corner
    label = node.label if len(node.label) <= 29 else f"{node.label[:27]}…"
    return format_html(
        '<g class="t-node {}"><title>{}: {} ({})</title>'
        '<rect x="{}" y="{}" width="{}" height="{}" rx="8"/>'
        '<text class="t-namespace" x="{}" y="{}">{}</text><text x="{}" y="{}">{}</text></g>',
        "t-vouched" if node.is_vouched else "t-claimed",
        # the title
        node.namespace,
        node.label,
        "vouched" if node.is_vouched else "claimed",
        # the box
        x,
        y,
        NODE_WIDTH,
        NODE_HEIGHT,
        # the texts
        x + 10,
        y + 14,
        node.namespace,
        x + 10,
        y + 28,
        label,
    )
