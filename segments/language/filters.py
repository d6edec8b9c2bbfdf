"""Which events the leaves about a person's history are about."""

from collections.abc import Iterator
from typing import NamedTuple

from segments.language import nodes
from segments.language.nodes import Kind, PersonLeaf, Where


class EventFilter(NamedTuple):
    """The events of a name, or of any name ("*"), and a kind, or any (None), that pass `where`."""

    name: str
    kind: Kind | None
    where: Where | None = None


def filter_of(
    part: nodes.EventLeaf | nodes.RegularLeaf | nodes.LifeCycleLeaf | nodes.Step,
) -> EventFilter:
    """Return which events a leaf, or a step of a sequence, is about."""
    return EventFilter(part.name, part.kind, part.where)


def event_filters(leaf: PersonLeaf) -> Iterator[tuple[str, EventFilter]]:
    """Yield which events a leaf is about, each with its place below the leaf, such as `steps[1]`.

    A leaf that is not about events yields nothing.
    """
    match leaf:
        case nodes.EventLeaf() | nodes.RegularLeaf() | nodes.LifeCycleLeaf():
            yield "", filter_of(leaf)
        case nodes.RankLeaf(quantity):
            yield "", filter_of(quantity)
        case nodes.SequenceLeaf(steps, absent):
            for number, step in enumerate([*steps, *([absent] if absent else [])]):
                yield f"steps[{number}]", filter_of(step)
