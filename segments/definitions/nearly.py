"""Nearly in: which single leaf keeps a person out of a segment, and by how much.

Invariant: a leaf is named where the whole definition would hold if that leaf alone answered
otherwise.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from segments.compiler.events import ZERO_AGGREGATES
from segments.language import nodes
from segments.language.measures import measures
from segments.language.nodes import And, AtLeast, Node, Not, Or
from segments.language.operands import join_path
from segments.language.parser import child_definitions


class Missing(NamedTuple):
    """One leaf that is missing. `by` is how far its quantity is from what would do, if it has one.

    `path` is the leaf's place in the definition, empty for the whole.
    """

    path: str
    by: Decimal | None


def nearly_in(
    root: Node,
    definition: Mapping[str, Any],
    answers: Sequence[tuple[Node, bool]],
    quantities: Mapping[Node, str | None],
) -> list[Missing]:
    """Return the leaves that are missing; nothing for whoever is in, or lacks more than one.

    `answers` are all nodes with their truth, a group before its children.
    """
    leaves = [(node, holds) for node, holds in answers if not _is_group(node)]
    truths = [holds for _, holds in leaves]
    if _holds(root, iter(truths)):
        return []
    paths = list(_leaf_paths(definition, ""))
    return [
        Missing(path, _distance(node, quantities))
        for place, (path, (node, _)) in enumerate(zip(paths, leaves, strict=True))
        if _holds(root, iter([*truths[:place], not truths[place], *truths[place + 1 :]]))
    ]


def _is_group(node: Node) -> bool:
    return isinstance(node, And | Or | Not | AtLeast)


def _holds(node: Node, truths: Iterator[bool]) -> bool:
    """Return whether a tree holds whose leaves have these answers, which are consumed in order."""
    match node:
        case And(children):
            return _count(children, truths) == len(children)
        case Or(children):
            return _count(children, truths) > 0
        case AtLeast(count, children):
            return _count(children, truths) >= count
        case Not(child):
            return not _holds(child, truths)
        case _:
            return next(truths)


def _count(children: Sequence[Node], truths: Iterator[bool]) -> int:
    # Of all of them, so that every leaf consumes its answer.
    return sum(_holds(child, truths) for child in children)


def _leaf_paths(definition: Mapping[str, Any], path: str) -> Iterator[str]:
    children = child_definitions(definition)
    if not children:
        yield path
    for place, (field, child) in enumerate(children):
        step = f"children[{place}]" if field == "children" else field
        yield from _leaf_paths(child, join_path(path, step))


def _distance(node: Node, quantities: Mapping[Node, str | None]) -> Decimal | None:
    match node:
        case nodes.EventLeaf(aggregate=aggregate, test=nodes.Compare(_, Decimal() as wanted)):
            quantity = quantities.get(node)
            if quantity is None and aggregate in ZERO_AGGREGATES:
                quantity = "0"
        case nodes.RankLeaf(boundary=Decimal() as wanted):
            quantity = quantities.get(measures(node)[0]) or "0"
        case nodes.GeoLeaf(within_km=wanted):
            quantity = quantities.get(node)
        case nodes.RegularLeaf(at_least=periods):
            wanted, quantity = Decimal(periods), quantities.get(node)
        case _:
            return None
    return None if quantity is None else abs(wanted - Decimal(quantity))
