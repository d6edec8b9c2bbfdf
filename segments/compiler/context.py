"""The context in which definitions are compiled: the time, the zone, and what names stand for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from segments.language.calendar import Span, parse_span
from segments.language.nodes import EventLeaf, IsoText, Node


@dataclass(frozen=True, slots=True)
class EventNameRef:
    """A row of the dictionary of event names.

    `value_property` is the property whose number is stored in the event's value column.
    """

    id: int
    value_property: str


@dataclass(frozen=True, slots=True)
class Context:
    """All that a definition needs besides its nodes.

    `names` is keyed by (kind, name), `segments` by key. `permitted` is the SQL of consent's gate
    over `p`, with the placeholders %(purpose)s and %(at)s. `is_present` is False where `now` is in
    the past, for which the statistics of events cannot be used.
    """

    now: datetime
    zone: ZoneInfo
    permitted: str
    names: Mapping[tuple[str, str], EventNameRef] = field(default_factory=dict)
    segments: Mapping[str, Node] = field(default_factory=dict)
    is_present: bool = True


def event_name_refs(event: EventLeaf, context: Context) -> list[EventNameRef]:
    """Return the event names that a leaf matches; none if no such event was ever received."""
    return [
        ref
        for (kind, name), ref in context.names.items()
        if event.name in ("*", name) and (event.kind is None or event.kind == kind)
    ]


def operand_span(operand: IsoText, context: Context) -> Span:
    """Return the day or instant that a date operand means in the zone of the context."""
    span = parse_span(operand.text, context.zone)
    if span is None:
        raise ValueError("The parser lets only ISO 8601 through.")
    return span
