"""The identity graph of a profile as SVG: identifiers in three columns, joined by the facts that saw them together.

Invariant: labels come in already masked; the layout depends on its input alone.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

MOST_NODES = 30
NODE_WIDTH, NODE_HEIGHT, ROW, GAP = 200, 36, 46, 56
CONTACTS = ("email", "phone")


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphNode:
    """One identifier. `is_weak`: an anonymous or device identifier."""

    id: int
    namespace: str
    label: str
    is_vouched: bool
    is_weak: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphFact:
    """One fact: these identifiers were seen together."""

    identifier_ids: tuple[int, ...]
    source: str
    trust: int
    trust_name: str
    day: date


@dataclass(slots=True)
class _Tie:
    """What joins two identifiers: all the facts that name both."""

    facts: list[GraphFact]

    @property
    def trust(self) -> int:
        return max(fact.trust for fact in self.facts)

    @property
    def title(self) -> str:
        sources = ", ".join(sorted({fact.source for fact in self.facts}))
        best = max(self.facts, key=lambda fact: fact.trust)
        first = min(fact.day for fact in self.facts)
        times = "once" if len(self.facts) == 1 else f"{len(self.facts)} times"
        return f"Seen together {times} by {sources}, first on {first:%-d %b %Y}; {best.trust_name}"


Places = dict[int, tuple[int, int]]


def identity_graph(nodes: Sequence[GraphNode], facts: Sequence[GraphFact]) -> SafeString:
    """The picture; nothing where there are no identifiers."""
    shown = nodes[:MOST_NODES]
    if not shown:
        return SafeString("")
    places, rows = _places(shown)
    ties = _ties(facts, set(places))
    width = 3 * NODE_WIDTH + 2 * GAP + 54
    return format_html(
        '<svg class="t-graph" viewBox="0 0 {} {}" width="{}" role="img" aria-label="Identity graph">{}{}</svg>',
        *(width, rows * ROW + 8, width),
        format_html_join("", "{}", ((_edge(pair, tie, places),) for pair, tie in ties.items())),
        format_html_join("", "{}", ((_box(node, places[node.id]),) for node in shown)),
    )


def _column(node: GraphNode) -> int:
    if node.namespace in CONTACTS:
        return 1
    return 2 if node.is_weak else 0


def _places(nodes: Sequence[GraphNode]) -> tuple[Places, int]:
    """The upper left corner of each node, each column centred on the tallest, and the number of rows."""
    columns: dict[int, list[GraphNode]] = defaultdict(list)
    for node in nodes:
        columns[_column(node)].append(node)
    rows = max(len(column) for column in columns.values())
    used = {column: place for place, column in enumerate(sorted(columns))}
    places = {
        node.id: (
            4 + used[column] * (NODE_WIDTH + GAP),
            round((rows - len(members)) * ROW / 2) + row * ROW + 8,
        )
        for column, members in columns.items()
        for row, node in enumerate(members)
    }
    return places, rows


def _ties(facts: Sequence[GraphFact], known: set[int]) -> dict[tuple[int, int], _Tie]:
    """A fact of several identifiers is drawn from its first to each of the others."""
    ties: dict[tuple[int, int], _Tie] = {}
    for fact in facts:
        held = [number for number in fact.identifier_ids if number in known]
        for other in held[1:]:
            pair = (min(held[0], other), max(held[0], other))
            ties.setdefault(pair, _Tie([])).facts.append(fact)
    return ties


def _edge(pair: tuple[int, int], tie: _Tie, places: Places) -> SafeString:
    (x1, y1), (x2, y2) = sorted((places[pair[0]], places[pair[1]]))
    middle1, middle2 = y1 + NODE_HEIGHT // 2, y2 + NODE_HEIGHT // 2
    start = x1 + NODE_WIDTH
    if x1 == x2:
        bulge = start + 46
        path = f"M{start} {middle1} C{bulge} {middle1} {bulge} {middle2} {start} {middle2}"
    else:
        bend = (start + x2) // 2
        path = f"M{start} {middle1} C{bend} {middle1} {bend} {middle2} {x2} {middle2}"
    return format_html(
        '<path class="t-tie t-trust-{}" d="{}"><title>{}</title></path>', tie.trust, path, tie.title
    )


def _box(node: GraphNode, place: tuple[int, int]) -> SafeString:
    x, y = place
    label = node.label if len(node.label) <= 29 else f"{node.label[:27]}…"
    return format_html(
        '<g class="t-node {}"><title>{}: {} ({})</title>'
        '<rect x="{}" y="{}" width="{}" height="{}" rx="8"/>'
        '<text class="t-namespace" x="{}" y="{}">{}</text><text x="{}" y="{}">{}</text></g>',
        "t-vouched" if node.is_vouched else "t-claimed",
        *(node.namespace, node.label, "vouched" if node.is_vouched else "claimed"),
        *(x, y, NODE_WIDTH, NODE_HEIGHT),
        *(x + 10, y + 14, node.namespace),
        *(x + 10, y + 28, label),
    )
