"""Reading the JSON that says how a trait is computed.

Invariant: what is accepted can be computed of any events, and gives the same at any time.
"""

from collections.abc import Mapping
from typing import Any

from profiles.models import TraitDefinition
from segments.compiler.where import depends_on_time
from segments.language import nodes
from segments.language.events import PROPERTY_AGGREGATES, refuse_net_of_others
from segments.language.nodes import Aggregate, EventLeaf
from segments.language.operands import (
    definition_error,
    list_words,
    read_choice,
    read_fields,
    read_name,
    read_property_key,
)
from segments.language.where import read_kind, read_own_where

FIELDS = ("kind", "aggregate", "property", "where")
MOMENTS = (Aggregate.FIRST_AT, Aggregate.LAST_AT)
# What was said in an event, and not a number about events.
CHOSEN = (Aggregate.FIRST, Aggregate.LAST, Aggregate.MOST_FREQUENT)


def read_quantity(definition: object) -> EventLeaf:
    """Return what is computed, as a leaf that asks nothing. Raises DefinitionError."""
    fields = read_fields(definition, "", ("name",), FIELDS)
    name = read_name(fields["name"], "name")
    words = tuple(Aggregate)
    aggregate = Aggregate(read_choice(fields.get("aggregate", "count"), "aggregate", words))
    refuse_net_of_others(aggregate, fields, "")
    where = read_own_where(fields, "")
    if where is not None and depends_on_time(where):
        detail = "A computed trait cannot depend on the time; a segment can."
        raise definition_error("where", "invalid", detail)
    return EventLeaf(
        name=name,
        kind=read_kind(fields, "", name),
        aggregate=aggregate,
        property=_read_property(fields, aggregate),
        test=nodes.Exists(),
        where=where,
    )


def _read_property(fields: Mapping[str, Any], aggregate: Aggregate) -> nodes.Path | None:
    if (aggregate in PROPERTY_AGGREGATES) != ("property" in fields):
        detail = f"Needed by {list_words(PROPERTY_AGGREGATES)}; not allowed with others."
        raise definition_error("property", "invalid", detail)
    return read_property_key(fields["property"], "property") if "property" in fields else None


def type_of(quantity: EventLeaf) -> TraitDefinition.Type:
    """Return the type of the trait that a quantity gives."""
    if quantity.aggregate in MOMENTS:
        return TraitDefinition.Type.DATE
    if quantity.aggregate in CHOSEN:
        return TraitDefinition.Type.TEXT
    return TraitDefinition.Type.NUMBER
