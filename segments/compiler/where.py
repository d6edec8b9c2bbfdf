"""Compiling `where`: what an event, an element of a list in it, or an account must pass."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import assert_never

from segments.compiler.context import Context
from segments.compiler.dates import date_edges, is_timed
from segments.compiler.elements import Element, list_items
from segments.compiler.fragments import Fragment, fill, join_fragments, negate
from segments.compiler.trees import compile_tree, leaves
from segments.compiler.values import test_element, test_number, test_text
from segments.language import nodes
from segments.language.nodes import FieldLeaf, Where, WhereLeaf

Documents = Mapping[nodes.Root, Fragment]
EVENT: Documents = {
    nodes.Root.PROPERTIES: Fragment("e.properties"),
    nodes.Root.CONTEXT: Fragment("e.context"),
}
ACCOUNT: Documents = {nodes.Root.ACCOUNT: Fragment("a.traits")}
# An element's own fields. Inside another `any` the name means the inner element.
ELEMENT: Documents = {nodes.Root.PROPERTIES: Fragment("item.value")}
PARTS = {
    nodes.TimePart.HOUR: 'extract(hour FROM e."timestamp" AT TIME ZONE {zone})',
    nodes.TimePart.WEEKDAY: 'extract(isodow FROM e."timestamp" AT TIME ZONE {zone})',
    nodes.TimePart.MONTH: 'extract(month FROM e."timestamp" AT TIME ZONE {zone})',
}


def compile_where(where: Where, context: Context, documents: Documents = EVENT) -> Fragment:
    """Return the condition that event `e`, list element `item`, or account `a` passes."""
    return compile_tree(where, lambda leaf: _compile_leaf(leaf, context, documents))


def _compile_leaf(leaf: WhereLeaf, context: Context, documents: Documents) -> Fragment:
    match leaf:
        case nodes.FieldLeaf(root, key, test, is_negated):
            condition = test_element(Element(documents[root], key), test, context)
            return negate(condition) if is_negated else condition
        case nodes.AnyElement(key, where):
            return fill(
                "EXISTS (SELECT FROM jsonb_array_elements({items}) AS item (value)"
                " WHERE jsonb_typeof(item.value) = 'object' AND {where})",
                items=list_items(Element(documents[nodes.Root.PROPERTIES], key)),
                where=compile_where(where, context, ELEMENT),
            )
        case nodes.TimeLeaf(part, test, is_negated, is_visitors):
            zone = _visitors_zone(context) if is_visitors else _stores_zone(context)
            condition = test_number(fill(PARTS[part], zone=zone), test)
            return negate(condition) if is_negated else condition
        case nodes.AccountKeyLeaf(test, is_negated):
            condition = test_text(Fragment("a.key"), test)
            return negate(condition) if is_negated else condition
        case _:
            assert_never(leaf)


def _stores_zone(context: Context) -> Fragment:
    return fill("{zone}::text", zone=context.zone.key)


def _visitors_zone(context: Context) -> Fragment:
    return fill(
        "CASE WHEN e.context ->> 'timezone' = ANY({zones}::text[])"
        " THEN e.context ->> 'timezone' ELSE {zone}::text END",
        zones=list(context.zones),
        zone=context.zone.key,
    )


def fields_of(where: Where) -> Iterator[FieldLeaf]:
    """Yield the leaves that test a value, those of list elements too."""
    for leaf in leaves(where):
        match leaf:
            case nodes.AnyElement(_, inner):
                yield from fields_of(inner)
            case nodes.FieldLeaf():
                yield leaf


def depends_on_time(where: Where) -> bool:
    """Whether the answer about one event changes as the clock moves."""
    return any(is_timed(leaf.test) for leaf in fields_of(where))


def where_edges(
    where: Where, since: datetime, context: Context, documents: Documents = EVENT
) -> Iterator[Fragment]:
    """Yield SELECTs of the instants, or NULL, at which time alone may change the answer."""
    edges: list[Fragment] = []
    for leaf in leaves(where):
        match leaf:
            case nodes.FieldLeaf(root, key, test):
                edges += date_edges(Element(documents[root], key), test, since, context)
            case nodes.AnyElement(key, inner):
                selects = list(where_edges(inner, since, context, ELEMENT))
                if selects:
                    yield fill(
                        "SELECT inside.at FROM jsonb_array_elements({items}) AS item (value)"
                        " CROSS JOIN LATERAL ({selects}) AS inside (at)",
                        items=list_items(Element(documents[nodes.Root.PROPERTIES], key)),
                        selects=join_fragments(" UNION ALL ", selects),
                    )
    if edges:
        yield edge_rows(edges)


def edge_rows(edges: Iterable[Fragment]) -> Fragment:
    """Return a SELECT of some instants."""
    return fill("SELECT unnest(ARRAY[{edges}]::timestamptz[])", edges=join_fragments(", ", edges))
