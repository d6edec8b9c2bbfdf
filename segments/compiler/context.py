"""What a definition is compiled against: the clock, the zone, and what its words stand for today."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from segments.language.calendar import Span, parse_span
from segments.language.nodes import EventLeaf, IsoText, Node


@dataclass(frozen=True, slots=True)
class EventNameRef:
    """An entry of the dictionary of event names. `value_property` is the number that each event carries as its value."""

    id: int
    value_property: str


@dataclass(frozen=True, slots=True)
class Context:
    """`names` is keyed by (kind, name); `segments` by key; `permitted` is consent's gate over `p`, %(purpose)s and %(at)s.

    `is_present` says that `now` is not before the statistics of events, which know no past.
    """

    now: datetime
    zone: ZoneInfo
    permitted: str
    names: Mapping[tuple[str, str], EventNameRef] = field(default_factory=dict)
    segments: Mapping[str, Node] = field(default_factory=dict)
    is_present: bool = True


def names_of(event: EventLeaf, context: Context) -> list[EventNameRef]:
    """The entries that an event leaf means; none where nothing of that name ever came in."""
    return [
        ref
        for (kind, name), ref in context.names.items()
        if event.name in ("*", name) and (event.kind is None or event.kind == kind)
    ]


def span_of(operand: IsoText, context: Context) -> Span:
    """What a date operand means in the configured zone."""
    span = parse_span(operand.text, context.zone)
    if span is None:
        raise ValueError("The parser lets only ISO 8601 through.")
    return span
