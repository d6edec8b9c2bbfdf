"""The context in which definitions are compiled: the time, the zone, and what names stand for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from segments.language.calendar import (
    Span,
    local_date,
    local_midnight,
    parse_span,
    shift_units,
    unit_start,
)
from segments.language.filters import EventFilter
from segments.language.nodes import CalendarUnit, IsoText, Node, Party, Previous, This


@dataclass(frozen=True, slots=True)
class EventNameRef:
    """A row of the dictionary of event names.

    `value_property` is the property whose number is stored in the event's value column. `reduces`
    is the name of the track events whose net value these events reduce, empty for none.
    """

    id: int
    value_property: str
    reduces: str = ""


@dataclass(frozen=True, slots=True)
class PartiesOfData:
    """The sources that are not first party, by id, and the traits that say a party of their own."""

    by_source: Mapping[int, Party] = field(default_factory=dict)
    by_trait: Mapping[str, Party] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Context:
    """All that a definition needs besides its nodes.

    `names` is keyed by (kind, name), `segments` by key. `permitted` is the SQL of consent's gate
    over `p`, with the placeholders %(purpose)s and %(at)s. `is_present` is False where `now` is in
    the past, for which the statistics of events cannot be used. Weeks start on `week_start`, where
    Monday is 0. `zones` are the names of zones that an event may have.
    `session_gaps` has the minutes that end a session, by the id of each source that makes any,
    `list_revisions` the number of each list by key, and `parties` whose data statements are.
    """

    now: datetime
    zone: ZoneInfo
    permitted: str
    names: Mapping[tuple[str, str], EventNameRef] = field(default_factory=dict)
    segments: Mapping[str, Node] = field(default_factory=dict)
    is_present: bool = True
    week_start: int = 0
    zones: Sequence[str] = ()
    session_gaps: Mapping[int, int] = field(default_factory=dict)
    list_revisions: Mapping[str, int] = field(default_factory=dict)
    parties: PartiesOfData = PartiesOfData()


def event_name_refs(events: EventFilter, context: Context) -> list[EventNameRef]:
    """Return the names that events may have; none if no such event was ever received."""
    return [
        ref
        for (kind, name), ref in context.names.items()
        if (events.name in ("*", name) and events.kind in (None, kind))
        or (events.has_reducing and ref.reduces == events.name)
    ]


def first_day(unit: CalendarUnit, now: datetime, context: Context) -> date:
    """Return the first local day of the calendar unit that an instant is in."""
    return unit_start(local_date(now, context.zone), unit, context.week_start)


def unit_span(period: This | Previous, context: Context) -> Span:
    """Return the calendar unit that is now, or the one before, without its end."""
    start = first_day(period.unit, context.now, context)
    if isinstance(period, Previous):
        start = shift_units(start, period.unit, -1)
    end = shift_units(start, period.unit, 1)
    return Span(local_midnight(start, context.zone), local_midnight(end, context.zone))


def operand_span(operand: IsoText, context: Context) -> Span:
    """Return the day or instant that a date operand means in the zone of the context."""
    span = parse_span(operand.text, context.zone)
    if span is None:
        raise ValueError("The parser lets only ISO 8601 through.")
    return span
