"""Who would enter and leave a segment by another definition, and by which leaf. Nothing is written.

Invariant: a leaf is named where it alone decides: with the opposite answer of it the person would
not come or go.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, NamedTuple

from segments.compiler.trees import leaves, map_leaves
from segments.definitions.dependencies import check_definition
from segments.definitions.live import effective_definition, member_node
from segments.definitions.previews import Preview, preview, preview_node
from segments.language import nodes
from segments.language.nodes import Node, PersonLeaf
from segments.language.operands import DefinitionError
from segments.language.parser import parse, parse_with_paths
from segments.models import Segment

# Of each definition. More are not looked at: each is counted over everybody.
MAX_DECIDING = 10
# Leaves that are looked at later have no counts.
DECIDING_SECONDS = 10


class DecidingLeaf(NamedTuple):
    """A leaf that only one of two definitions has, and how many people it decides about.

    `path` is its place in that definition. The counts are None where they take too long.
    """

    path: str
    is_new: bool
    entering: int | None
    leaving: int | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A preview of the new definition, and of those who would come and go by it.

    `entering` and `leaving` are None where both definitions together are too large to evaluate.
    """

    preview: Preview
    entering: Preview | None
    leaving: Preview | None
    leaves: Sequence[DecidingLeaf] = ()


def compare(
    segment: Segment, definition: Mapping[str, Any], *, with_leaves: bool = False
) -> Comparison:
    """Compare a definition with the one that the segment's memberships are of.

    With leaves it also counts whom each of them decides about. Raises DefinitionError.
    """
    key, present = segment.key, effective_definition(segment)
    new, former = check_definition(definition, key=key), parse(present)
    entering, leaving = _changes(new, former, key)
    return Comparison(
        preview(definition, key=key),
        entering=_preview(entering),
        leaving=_preview(leaving),
        leaves=list(_deciding(definition, present, key)) if with_leaves else (),
    )


def _changes(new: Node, former: Node, key: str) -> tuple[Node, Node]:
    """Return who would enter and who would leave."""
    after, before = member_node(new, key), member_node(former, key)
    return nodes.And((after, nodes.Not(before))), nodes.And((before, nodes.Not(after)))


def _preview(node: Node) -> Preview | None:
    try:
        return preview_node(node)
    except DefinitionError:
        return None


def _deciding(
    definition: Mapping[str, Any], present: Mapping[str, Any], key: str
) -> Iterator[DecidingLeaf]:
    """Yield the leaves that only one of the definitions has and that decide about somebody."""
    new, former = parse_with_paths(definition), parse_with_paths(present)
    end = monotonic() + DECIDING_SECONDS
    for is_new, (node, placed), other in ((True, new, former[0]), (False, former, new[0])):
        shared = set(_leaves(other))
        own = _placed(node, placed)
        places = [place for place, (_, leaf) in enumerate(own) if leaf not in shared]
        for place in places[:MAX_DECIDING]:
            turned = _turned(node, place)
            pairs = ((node, other), (turned, other))
            changes = [_changes(*(pair if is_new else pair[::-1]), key) for pair in pairs]
            counts = [
                _count(nodes.And((whole, nodes.Not(without)))) if monotonic() < end else None
                for whole, without in zip(*changes, strict=True)
            ]
            if counts != [0, 0]:
                yield DecidingLeaf(own[place][0], is_new, *counts)


def _leaves(node: Node) -> list[PersonLeaf]:
    return list(leaves(node))


def _placed(node: Node, placed: Sequence[tuple[str, object]]) -> list[tuple[str, object]]:
    """Return the leaves of the tree with their paths, without those inside of leaves."""
    own = _leaves(node)
    paths = iter(placed)
    return [next((path, other) for path, other in paths if other == leaf) for leaf in own]


def _turned(node: Node, place: int) -> Node:
    """Return a tree in which one leaf has the opposite answer."""
    numbers = iter(range(len(_leaves(node))))
    return map_leaves(node, lambda leaf: nodes.Not(leaf) if next(numbers) == place else leaf)


def _count(node: Node) -> int | None:
    preview = _preview(node)
    return None if preview is None else preview.size
