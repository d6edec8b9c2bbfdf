"""Reading the leaves about a person's events."""

from collections.abc import Mapping
from typing import Any

from segments.language import nodes
from segments.language.nodes import Aggregate, PersonLeaf
from segments.language.operands import (
    definition_error,
    join_path,
    list_words,
    read_calendar_unit,
    read_choice,
    read_count,
    read_fields,
    read_name,
    read_property_key,
)
from segments.language.operators import FOLDING_OPERATORS, ValueKind, read_test
from segments.language.sequences import read_sequence
from segments.language.trees import Readers, TreeReader
from segments.language.where import read_kind, read_where
from segments.language.windows import read_window

MAX_PERIODS = 366
# What a test of each aggregate tests.
SUBJECTS = {
    Aggregate.COUNT: ValueKind.NUMBER,
    Aggregate.SUM: ValueKind.NUMBER,
    Aggregate.NET: ValueKind.NUMBER,
    Aggregate.AVG: ValueKind.NUMBER,
    Aggregate.MIN: ValueKind.NUMBER,
    Aggregate.MAX: ValueKind.NUMBER,
    Aggregate.DISTINCT: ValueKind.NUMBER,
    Aggregate.FIRST: ValueKind.FIELD,
    Aggregate.LAST: ValueKind.FIELD,
    Aggregate.MOST_FREQUENT: ValueKind.FIELD,
    Aggregate.DAYS_BETWEEN: ValueKind.NUMBER,
    Aggregate.FIRST_AT: ValueKind.MOMENT,
    Aggregate.LAST_AT: ValueKind.MOMENT,
}
# Those that are of the events themselves and not of a property.
PLAIN_AGGREGATES = (
    Aggregate.COUNT,
    Aggregate.NET,
    Aggregate.DAYS_BETWEEN,
    Aggregate.FIRST_AT,
    Aggregate.LAST_AT,
)
PROPERTY_AGGREGATES = tuple(
    aggregate for aggregate in Aggregate if aggregate not in PLAIN_AGGREGATES
)
EVENT_FIELDS = (*("kind", "aggregate", "property", "value", *FOLDING_OPERATORS, "window", "where"),)


def _read_event(reader: TreeReader, value: object, path: str, depth: int) -> PersonLeaf:
    fields = read_fields(value, path, ("type", "name", "operator"), EVENT_FIELDS)
    name = read_name(fields["name"], join_path(path, "name"))
    aggregate = _read_aggregate(fields, path)
    refuse_net_of_others(aggregate, fields, path)
    test, is_negated = read_test(fields, path, SUBJECTS[aggregate])
    return nodes.EventLeaf(
        name=name,
        kind=read_kind(fields, path, name),
        aggregate=aggregate,
        property=_read_property(fields, path, aggregate),
        test=test,
        is_negated=is_negated,
        window=read_window(fields["window"], join_path(path, "window"))
        if "window" in fields
        else None,
        where=read_where(reader, fields, path, depth),
    )


def _read_aggregate(fields: Mapping[str, Any], path: str) -> Aggregate:
    name = fields.get("aggregate", Aggregate.COUNT)
    return Aggregate(read_choice(name, join_path(path, "aggregate"), tuple(Aggregate)))


def refuse_net_of_others(aggregate: Aggregate, fields: Mapping[str, Any], path: str) -> None:
    """Refuse the net value of anything but the events of one name: others reduce nothing."""
    if aggregate is not Aggregate.NET:
        return
    if fields["name"] == "*":
        detail = "The net value is that of events of one name."
        raise definition_error(join_path(path, "name"), "invalid", detail)
    if fields.get("kind", nodes.Kind.TRACK) != nodes.Kind.TRACK:
        detail = "Only events of the kind track have a net value."
        raise definition_error(join_path(path, "kind"), "invalid", detail)


def _read_property(fields: Mapping[str, Any], path: str, aggregate: Aggregate) -> nodes.Path | None:
    field_path = join_path(path, "property")
    if aggregate in PROPERTY_AGGREGATES:
        if "property" not in fields:
            raise definition_error(
                field_path, "required", f"The {aggregate} is that of a property."
            )
        return read_property_key(fields["property"], field_path)
    if "property" in fields:
        raise definition_error(
            field_path, "invalid", f"Only for the aggregates {list_words(PROPERTY_AGGREGATES)}."
        )
    return None


def _read_regular(reader: TreeReader, value: object, path: str, depth: int) -> PersonLeaf:
    required = ("type", "name", "period", "at_least", "of")
    fields = read_fields(value, path, required, ("kind", "where"))
    name = read_name(fields["name"], join_path(path, "name"))
    of = read_count(fields["of"], join_path(path, "of"), low=1, high=MAX_PERIODS)
    return nodes.RegularLeaf(
        name=name,
        kind=read_kind(fields, path, name),
        unit=read_calendar_unit(fields["period"], join_path(path, "period")),
        at_least=read_count(fields["at_least"], join_path(path, "at_least"), low=1, high=of),
        of=of,
        where=read_where(reader, fields, path, depth),
    )


HISTORY_READERS: Readers[PersonLeaf] = {
    "event": _read_event,
    "regular": _read_regular,
    "sequence": read_sequence,
}
