"""Reading the leaves about ranks, RFM and life-cycles."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from segments.language import nodes
from segments.language.events import PLAIN_AGGREGATES, refuse_net_of_others
from segments.language.nodes import Aggregate, PersonLeaf
from segments.language.operands import (
    definition_error,
    join_path,
    read_choice,
    read_fields,
    read_items,
    read_name,
    read_number,
    read_property_key,
)
from segments.language.trees import Readers, TreeReader
from segments.language.where import read_kind, read_where
from segments.language.windows import read_window

# Quantities that have an exact boundary.
RANKED = (
    Aggregate.COUNT,
    Aggregate.SUM,
    Aggregate.NET,
    Aggregate.MIN,
    Aggregate.MAX,
    Aggregate.DISTINCT,
)
RANK_FIELDS = ("kind", "aggregate", "property", "window", "where")
Choice = TypeVar("Choice", bound=StrEnum)


def _read_rank(reader: TreeReader, value: object, path: str, depth: int) -> PersonLeaf:
    fields = read_fields(value, path, ("type", "name", "top"), RANK_FIELDS)
    name = read_name(fields["name"], join_path(path, "name"))
    aggregate = Aggregate(
        read_choice(fields.get("aggregate", "count"), join_path(path, "aggregate"), RANKED)
    )
    refuse_net_of_others(aggregate, fields, path)
    quantity = nodes.EventLeaf(
        name=name,
        kind=read_kind(fields, path, name),
        aggregate=aggregate,
        property=_read_property(fields, path, aggregate),
        test=nodes.Exists(),
        window=read_window(fields["window"], join_path(path, "window"))
        if "window" in fields
        else None,
        where=read_where(reader, fields, path, depth),
    )
    return nodes.RankLeaf(quantity, _read_percent(fields["top"], join_path(path, "top")))


def _read_percent(value: object, path: str) -> Decimal:
    percent = read_number(value, path)
    if not 0 < percent <= 100:
        raise definition_error(path, "limit", "Above 0 and at most 100 percent.")
    return percent


def _read_property(fields: Mapping[str, Any], path: str, aggregate: Aggregate) -> nodes.Path | None:
    place = join_path(path, "property")
    if (aggregate in PLAIN_AGGREGATES) == ("property" in fields):
        detail = "All aggregates but the count and the net value are those of a property."
        raise definition_error(place, "invalid", detail)
    return read_property_key(fields["property"], place) if "property" in fields else None


def _read_rfm(reader: TreeReader, value: object, path: str, depth: int) -> PersonLeaf:
    fields = read_fields(value, path, ("type", "key", "groups"))
    key = read_name(fields["key"], join_path(path, "key"))
    return nodes.RfmLeaf(key, _read_choices(fields, path, "groups", nodes.Group))


def _read_life_cycle(reader: TreeReader, value: object, path: str, depth: int) -> PersonLeaf:
    fields = read_fields(value, path, ("type", "name", "stages"), ("kind", "where"))
    name = read_name(fields["name"], join_path(path, "name"))
    return nodes.LifeCycleLeaf(
        name=name,
        kind=read_kind(fields, path, name),
        stages=_read_choices(fields, path, "stages", nodes.Stage),
        where=read_where(reader, fields, path, depth),
    )


def _read_choices(
    fields: Mapping[str, Any], path: str, name: str, choices: type[Choice]
) -> tuple[Choice, ...]:
    """Return the chosen ones in the order of the choices, each once."""
    place = join_path(path, name)
    items = read_items(fields[name], place)
    chosen = {
        read_choice(item, f"{place}[{index}]", tuple(choices)) for index, item in enumerate(items)
    }
    return tuple(choice for choice in choices if choice in chosen)


MEASURED_READERS: Readers[PersonLeaf] = {
    "rank": _read_rank,
    "rfm": _read_rfm,
    "life_cycle": _read_life_cycle,
}
