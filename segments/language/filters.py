"""Which events the leaves about a person's history are about."""

from collections.abc import Iterator
from typing import NamedTuple

from segments.language import nodes
from segments.language.nodes import Kind, PersonLeaf, Where


class EventFilter(NamedTuple):
    """The events of a name, or of any name ("*"), and a kind, or any (None), that pass `where`.

    With `has_reducing` also those by which the events of that name are reduced.
    """

    name: str
    kind: Kind | None
    where: Where | None = None
    has_reducing: bool = False


def filter_of(
    part: nodes.EventLeaf | nodes.RegularLeaf | nodes.LifeCycleLeaf | nodes.Step,
) -> EventFilter:
    """Return which events a leaf, or a step of a sequence, is about."""
    is_net = isinstance(part, nodes.EventLeaf) and part.aggregate is nodes.Aggregate.NET
    return EventFilter(part.name, part.kind, part.where, has_reducing=is_net)


def event_filters(leaf: PersonLeaf) -> Iterator[tuple[str, EventFilter]]:
    """Yield which events a leaf is about, each with its place below the leaf, such as `steps[1]`.

    A leaf that is not about events yields nothing.
    """
    match leaf:
        case nodes.EventLeaf() | nodes.RegularLeaf() | nodes.LifeCycleLeaf():
            yield "", filter_of(leaf)
        case nodes.SessionLeaf(where=where):
            yield "", EventFilter("*", None, where)
        case nodes.RankLeaf(quantity):
            yield "", filter_of(quantity)
        case nodes.SequenceLeaf(steps, absent):
            for number, step in enumerate([*steps, *([absent] if absent else [])]):
                yield f"steps[{number}]", filter_of(step)
