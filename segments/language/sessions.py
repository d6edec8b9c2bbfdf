"""Reading the leaves about a person's sessions."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from segments.language import nodes
from segments.language.calendar import length_of, parse_span
from segments.language.nodes import Aggregate, PersonLeaf, SessionMeasure, Window
from segments.language.operands import (
    definition_error,
    join_path,
    read_choice,
    read_fields,
)
from segments.language.operators import ValueKind, read_test
from segments.language.trees import Readers, TreeReader
from segments.language.where import read_where
from segments.language.windows import read_window

SESSION_AGGREGATES = (Aggregate.COUNT, Aggregate.SUM, Aggregate.AVG, Aggregate.MAX)
# Thirteen months of 31 days: sessions are computed from all events of their window.
MAX_SPAN = timedelta(days=403)


def _read_session(reader: TreeReader, value: object, path: str, depth: int) -> PersonLeaf:
    required = ("type", "operator", "window")
    fields = read_fields(value, path, required, ("aggregate", "property", "value", "where"))
    test, is_negated = read_test(fields, path, ValueKind.NUMBER)
    aggregate = fields.get("aggregate", Aggregate.COUNT)
    name = read_choice(aggregate, join_path(path, "aggregate"), SESSION_AGGREGATES)
    return nodes.SessionLeaf(
        aggregate=Aggregate(name),
        property=_read_measure(fields, path, Aggregate(name)),
        test=test,
        window=_read_bounded(fields["window"], join_path(path, "window")),
        is_negated=is_negated,
        where=read_where(reader, fields, path, depth),
    )


def _read_measure(
    fields: Mapping[str, Any], path: str, aggregate: Aggregate
) -> SessionMeasure | None:
    place = join_path(path, "property")
    if (aggregate is Aggregate.COUNT) == ("property" in fields):
        detail = "All aggregates but the count are of the duration or of the pages."
        raise definition_error(place, "invalid", detail)
    if aggregate is Aggregate.COUNT:
        return None
    return SessionMeasure(read_choice(fields["property"], place, tuple(SessionMeasure)))


def _read_bounded(value: object, path: str) -> Window:
    window = read_window(value, path)
    match window:
        case nodes.Last(duration) | nodes.BetweenAgo(duration, _):
            span = length_of(duration)
        case nodes.Range(nodes.IsoText(first), nodes.IsoText(last)):
            # The zone hardly matters for a length of months.
            ends = [parse_span(text, ZoneInfo("UTC")) for text in (first, last)]
            span = ends[1].start - ends[0].start if ends[0] and ends[1] else MAX_SPAN
        case nodes.Range():
            span = MAX_SPAN + timedelta(days=1)
        case _:
            span = timedelta(0)
    if span > MAX_SPAN:
        raise definition_error(path, "limit", "Sessions are asked of 13 months at most.")
    return window


SESSION_READERS: Readers[PersonLeaf] = {"session": _read_session}
