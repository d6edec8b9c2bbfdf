"""From the JSON of a definition to its nodes: the only place that sees a dict.

Invariant: what comes out is meaningful on any data; what is not is refused here, with the path of each fault and what is allowed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from segments.language import nodes
from segments.language.nodes import And, AtLeast, Node, Not, Or, PersonLeaf, Tree, Where
from segments.language.operands import (
    DefinitionError,
    Fault,
    listed,
    read_boolean,
    read_choice,
    read_count,
    read_duration,
    read_fields,
    read_iso,
    read_key,
    read_name,
    refuse,
    within,
)
from segments.language.operators import ValueKind, read_test

__all__ = [
    "DEEPEST",
    "LARGEST",
    "DefinitionError",
    "Fault",
    "child_definitions",
    "parse",
    "parse_placed",
]

DEEPEST = 10
LARGEST = 200
GROUPS = ("and", "or", "not", "at_least")
TEST_FIELDS = ("value", "ignore_case")
WITH_PROPERTY = (nodes.Aggregate.SUM, nodes.Aggregate.MIN, nodes.Aggregate.MAX)
MOMENTS = (nodes.Aggregate.FIRST_AT, nodes.Aggregate.LAST_AT)
ANY_NAME = "*"

Leaf = TypeVar("Leaf")


def parse(definition: object) -> Node:
    """The nodes of a definition. Raises DefinitionError with every fault that can be told apart."""
    return parse_placed(definition)[0]


def parse_placed(definition: object) -> tuple[Node, list[tuple[str, object]]]:
    """The nodes of a definition, and each leaf with its path."""
    parser = _Parser()
    node = parser.read(definition, "", 1, PEOPLE)
    if parser.faults or node is None:
        raise DefinitionError(parser.faults)
    return node, parser.placed


def child_definitions(definition: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The definitions directly inside a group, in the order of its node's children, each with the field it is in."""
    if "child" in definition:
        return [("child", definition["child"])]
    return [("children", child) for child in definition.get("children", ())]


@dataclass(slots=True)
class _Parser:
    """One definition being read: how many nodes so far, and what is wrong with it."""

    count: int = 0
    faults: list[Fault] = field(default_factory=list)
    placed: list[tuple[str, object]] = field(default_factory=list)

    def read(
        self, value: object, path: str, depth: int, readers: "Readers[Leaf]"
    ) -> Tree[Leaf] | None:
        """A tree of these leaves; None where a fault was noted, so that its neighbours are read too."""
        self.count += 1
        try:
            if depth > DEEPEST:
                raise refuse(path, "limit", f"A definition is at most {DEEPEST} deep.")
            if self.count > LARGEST:
                raise refuse(path, "limit", f"A definition has at most {LARGEST} nodes.")
            return self._read_type(value, path, depth, readers)
        except DefinitionError as error:
            self.faults += error.errors
            return None

    def _read_type(
        self, value: object, path: str, depth: int, readers: "Readers[Leaf]"
    ) -> Tree[Leaf]:
        if not isinstance(value, dict):
            raise refuse(path, "type", "This must be an object.")
        if "type" not in value:
            allowed = listed([*GROUPS, *readers])
            raise refuse(within(path, "type"), "required", f"Allowed: {allowed}.")
        kind = read_choice(value["type"], within(path, "type"), [*GROUPS, *readers])
        if kind in readers:
            leaf = readers[kind](self, value, path, depth)
            self.placed.append((path, leaf))
            return leaf
        return self._read_group(kind, value, path, depth, readers)

    def _read_group(
        self, kind: str, value: object, path: str, depth: int, readers: "Readers[Leaf]"
    ) -> Tree[Leaf]:
        if kind == "not":
            fields = read_fields(value, path, ("type", "child"))
            child = self.read(fields["child"], within(path, "child"), depth + 1, readers)
            return Not(_sound(child))
        own = ("count",) if kind == "at_least" else ()
        fields = read_fields(value, path, ("type", "children", *own))
        children = self._read_children(fields["children"], path, depth, readers)
        if kind == "and":
            return And(children)
        if kind == "or":
            return Or(children)
        count = read_count(fields["count"], within(path, "count"), low=1, high=len(children))
        return AtLeast(count, children)

    def _read_children(
        self, value: object, path: str, depth: int, readers: "Readers[Leaf]"
    ) -> tuple[Tree[Leaf], ...]:
        place = within(path, "children")
        if not isinstance(value, list) or not value:
            raise refuse(place, "required", "A group has a list of one child or more.")
        if len(value) > LARGEST:
            raise refuse(place, "limit", f"A definition has at most {LARGEST} nodes.")
        read = [
            self.read(child, f"{place}[{number}]", depth + 1, readers)
            for number, child in enumerate(value)
        ]
        return tuple(_sound(child) for child in read)


def _sound(child: Tree[Leaf] | None) -> Tree[Leaf]:
    """A child without a fault; the fault of another has been noted already."""
    if child is None:
        raise DefinitionError([])
    return child


def _trait(parser: _Parser, value: object, path: str, depth: int) -> PersonLeaf:
    fields = read_fields(value, path, ("type", "key", "operator"), TEST_FIELDS)
    key = read_key(fields["key"], within(path, "key"))
    test, is_negated = read_test(fields, path, ValueKind.TRAIT)
    return nodes.TraitLeaf(key, test, is_negated)


def _event(parser: _Parser, value: object, path: str, depth: int) -> PersonLeaf:
    optional = ("kind", "aggregate", "property", "value", "window", "where")
    fields = read_fields(value, path, ("type", "name", "operator"), optional)
    name = read_name(fields["name"], within(path, "name"))
    aggregate = _aggregate(fields, path)
    subject = ValueKind.MOMENT if aggregate in MOMENTS else ValueKind.NUMBER
    test, is_negated = read_test(fields, path, subject)
    return nodes.EventLeaf(
        name=name,
        kind=_kind(fields, path, name),
        aggregate=aggregate,
        property=_property(fields, path, aggregate),
        test=test,
        is_negated=is_negated,
        window=_window(fields["window"], within(path, "window")) if "window" in fields else None,
        where=_where(parser, fields, path, depth),
    )


def _aggregate(fields: Mapping[str, Any], path: str) -> nodes.Aggregate:
    written = fields.get("aggregate", nodes.Aggregate.COUNT)
    return nodes.Aggregate(read_choice(written, within(path, "aggregate"), tuple(nodes.Aggregate)))


def _kind(fields: Mapping[str, Any], path: str, name: str) -> nodes.Kind | None:
    if "kind" not in fields:
        return None if name == ANY_NAME else nodes.Kind.TRACK
    return nodes.Kind(read_choice(fields["kind"], within(path, "kind"), tuple(nodes.Kind)))


def _property(
    fields: Mapping[str, Any], path: str, aggregate: nodes.Aggregate
) -> nodes.Path | None:
    place = within(path, "property")
    if aggregate in WITH_PROPERTY:
        if "property" not in fields:
            raise refuse(place, "required", f"The {aggregate} is that of a property.")
        return read_key(fields["property"], place)
    if "property" in fields:
        raise refuse(place, "invalid", f"Only for the aggregates {listed(WITH_PROPERTY)}.")
    return None


def _window(value: object, path: str) -> nodes.Last | nodes.Range:
    fields = read_fields(value, path, (), ("last", "from", "to"))
    if "last" in fields and len(fields) == 1:
        return nodes.Last(read_duration(fields["last"], within(path, "last")))
    if "last" in fields or not fields:
        raise refuse(path, "invalid", 'Allowed: {"last": {"days": 90}} or {"from": …, "to": …}.')
    start, end = (
        read_iso(fields[name], within(path, name)) if name in fields else None
        for name in ("from", "to")
    )
    return nodes.Range(start, end)


def _where(parser: _Parser, fields: Mapping[str, Any], path: str, depth: int) -> Where | None:
    if "where" not in fields:
        return None
    return _sound(parser.read(fields["where"], within(path, "where"), depth + 1, FIELDS))


def _field(parser: _Parser, value: object, path: str, depth: int) -> nodes.FieldLeaf:
    fields = read_fields(value, path, ("type", "key", "operator"), TEST_FIELDS)
    root = nodes.Root.PROPERTIES if fields["type"] == "property" else nodes.Root.CONTEXT
    key = read_key(fields["key"], within(path, "key"))
    test, is_negated = read_test(fields, path, ValueKind.FIELD)
    return nodes.FieldLeaf(root, key, test, is_negated)


def _segment(parser: _Parser, value: object, path: str, depth: int) -> PersonLeaf:
    fields = read_fields(value, path, ("type", "key"))
    return nodes.SegmentLeaf(read_name(fields["key"], within(path, "key")))


def _consent(parser: _Parser, value: object, path: str, depth: int) -> PersonLeaf:
    fields = read_fields(value, path, ("type", "purpose", "permitted"))
    purpose = read_name(fields["purpose"], within(path, "purpose"))
    return nodes.ConsentLeaf(purpose, read_boolean(fields["permitted"], within(path, "permitted")))


def _everyone(parser: _Parser, value: object, path: str, depth: int) -> PersonLeaf:
    read_fields(value, path, ("type",))
    return nodes.EveryoneLeaf()


Readers = Mapping[str, Callable[[_Parser, object, str, int], Leaf]]
PEOPLE: Readers[PersonLeaf] = {
    "trait": _trait,
    "event": _event,
    "segment": _segment,
    "consent": _consent,
    "everyone": _everyone,
}
FIELDS: Readers[nodes.FieldLeaf] = {"property": _field, "context": _field}
