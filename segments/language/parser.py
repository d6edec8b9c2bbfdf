"""Parsing the JSON of a definition into nodes.

Invariant: every definition that is accepted can be evaluated on any data. Anything else is refused
here, with the path of each fault and what is allowed. No other module interprets the JSON.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from segments.language import nodes
from segments.language.nodes import And, AtLeast, Node, Not, Or, PersonLeaf, Tree, Where
from segments.language.operands import (
    DefinitionError,
    Fault,
    definition_error,
    join_path,
    list_words,
    read_boolean,
    read_choice,
    read_count,
    read_duration,
    read_fields,
    read_iso,
    read_key,
    read_name,
)
from segments.language.operators import ValueKind, read_test

__all__ = [
    "MAX_DEPTH",
    "MAX_NODES",
    "DefinitionError",
    "Fault",
    "child_definitions",
    "parse",
    "parse_with_paths",
]

MAX_DEPTH = 10
MAX_NODES = 200
GROUPS = ("and", "or", "not", "at_least")
TEST_FIELDS = ("value", "ignore_case")
PROPERTY_AGGREGATES = (nodes.Aggregate.SUM, nodes.Aggregate.MIN, nodes.Aggregate.MAX)
TIME_AGGREGATES = (nodes.Aggregate.FIRST_AT, nodes.Aggregate.LAST_AT)
ANY_EVENT = "*"

Leaf = TypeVar("Leaf")


def parse(definition: object) -> Node:
    """Return the root node of a definition. Raises DefinitionError with all faults."""
    return parse_with_paths(definition)[0]


def parse_with_paths(definition: object) -> tuple[Node, list[tuple[str, object]]]:
    """Return the root node, and each leaf with its path. Raises DefinitionError with all faults."""
    parser = _Parser()
    node = parser.read(definition, "", 1, PROFILE_READERS)
    if parser.faults or node is None:
        raise DefinitionError(parser.faults)
    return node, parser.leaves


def child_definitions(definition: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the definitions directly inside a group, each with the name of the field it is in.

    They have the order of the children of the group's node. A leaf gives an empty list.
    """
    if "child" in definition:
        return [("child", definition["child"])]
    return [("children", child) for child in definition.get("children", ())]


@dataclass(slots=True)
class _Parser:
    """The state of parsing one definition: nodes counted, faults found, and leaves with paths."""

    count: int = 0
    faults: list[Fault] = field(default_factory=list)
    leaves: list[tuple[str, object]] = field(default_factory=list)

    def read(
        self, value: object, path: str, depth: int, readers: "Readers[Leaf]"
    ) -> Tree[Leaf] | None:
        """Return a tree whose leaves are read by `readers`.

        Returns None where a fault was noted, so that the nodes beside it are still read.
        """
        self.count += 1
        try:
            if depth > MAX_DEPTH:
                raise definition_error(path, "limit", f"A definition is at most {MAX_DEPTH} deep.")
            if self.count > MAX_NODES:
                raise definition_error(
                    path, "limit", f"A definition has at most {MAX_NODES} nodes."
                )
            return self._read_type(value, path, depth, readers)
        except DefinitionError as error:
            self.faults += error.errors
            return None

    def _read_type(
        self, value: object, path: str, depth: int, readers: "Readers[Leaf]"
    ) -> Tree[Leaf]:
        if not isinstance(value, dict):
            raise definition_error(path, "type", "This must be an object.")
        if "type" not in value:
            allowed = list_words([*GROUPS, *readers])
            raise definition_error(join_path(path, "type"), "required", f"Allowed: {allowed}.")
        kind = read_choice(value["type"], join_path(path, "type"), [*GROUPS, *readers])
        if kind in readers:
            leaf = readers[kind](self, value, path, depth)
            self.leaves.append((path, leaf))
            return leaf
        return self._read_group(kind, value, path, depth, readers)

    def _read_group(
        self, kind: str, value: object, path: str, depth: int, readers: "Readers[Leaf]"
    ) -> Tree[Leaf]:
        if kind == "not":
            fields = read_fields(value, path, ("type", "child"))
            child = self.read(fields["child"], join_path(path, "child"), depth + 1, readers)
            return Not(_require(child))
        extra = ("count",) if kind == "at_least" else ()
        fields = read_fields(value, path, ("type", "children", *extra))
        children = self._read_children(fields["children"], path, depth, readers)
        if kind == "and":
            return And(children)
        if kind == "or":
            return Or(children)
        count = read_count(fields["count"], join_path(path, "count"), low=1, high=len(children))
        return AtLeast(count, children)

    def _read_children(
        self, value: object, path: str, depth: int, readers: "Readers[Leaf]"
    ) -> tuple[Tree[Leaf], ...]:
        list_path = join_path(path, "children")
        if not isinstance(value, list) or not value:
            raise definition_error(
                list_path, "required", "A group has a list of one child or more."
            )
        if len(value) > MAX_NODES:
            raise definition_error(
                list_path, "limit", f"A definition has at most {MAX_NODES} nodes."
            )
        # All are read before the first None is refused, so that every fault is noted.
        children = [
            self.read(child, f"{list_path}[{index}]", depth + 1, readers)
            for index, child in enumerate(value)
        ]
        return tuple(_require(child) for child in children)


def _require(child: Tree[Leaf] | None) -> Tree[Leaf]:
    """Return a child that has no fault. Raises DefinitionError without faults for one that has."""
    if child is None:
        # The fault itself has been noted already.
        raise DefinitionError([])
    return child


def _read_trait(parser: _Parser, value: object, path: str, depth: int) -> PersonLeaf:
    fields = read_fields(value, path, ("type", "key", "operator"), TEST_FIELDS)
    key = read_key(fields["key"], join_path(path, "key"))
    test, is_negated = read_test(fields, path, ValueKind.TRAIT)
    return nodes.TraitLeaf(key, test, is_negated)


def _read_event(parser: _Parser, value: object, path: str, depth: int) -> PersonLeaf:
    optional = ("kind", "aggregate", "property", "value", "window", "where")
    fields = read_fields(value, path, ("type", "name", "operator"), optional)
    name = read_name(fields["name"], join_path(path, "name"))
    aggregate = _read_aggregate(fields, path)
    subject = ValueKind.MOMENT if aggregate in TIME_AGGREGATES else ValueKind.NUMBER
    test, is_negated = read_test(fields, path, subject)
    return nodes.EventLeaf(
        name=name,
        kind=_read_kind(fields, path, name),
        aggregate=aggregate,
        property=_read_property(fields, path, aggregate),
        test=test,
        is_negated=is_negated,
        window=_read_window(fields["window"], join_path(path, "window"))
        if "window" in fields
        else None,
        where=_read_where(parser, fields, path, depth),
    )


def _read_aggregate(fields: Mapping[str, Any], path: str) -> nodes.Aggregate:
    name = fields.get("aggregate", nodes.Aggregate.COUNT)
    return nodes.Aggregate(read_choice(name, join_path(path, "aggregate"), tuple(nodes.Aggregate)))


def _read_kind(fields: Mapping[str, Any], path: str, name: str) -> nodes.Kind | None:
    if "kind" not in fields:
        return None if name == ANY_EVENT else nodes.Kind.TRACK
    return nodes.Kind(read_choice(fields["kind"], join_path(path, "kind"), tuple(nodes.Kind)))


def _read_property(
    fields: Mapping[str, Any], path: str, aggregate: nodes.Aggregate
) -> nodes.Path | None:
    field_path = join_path(path, "property")
    if aggregate in PROPERTY_AGGREGATES:
        if "property" not in fields:
            raise definition_error(
                field_path, "required", f"The {aggregate} is that of a property."
            )
        return read_key(fields["property"], field_path)
    if "property" in fields:
        raise definition_error(
            field_path, "invalid", f"Only for the aggregates {list_words(PROPERTY_AGGREGATES)}."
        )
    return None


def _read_window(value: object, path: str) -> nodes.Last | nodes.Range:
    fields = read_fields(value, path, (), ("last", "from", "to"))
    if "last" in fields and len(fields) == 1:
        return nodes.Last(read_duration(fields["last"], join_path(path, "last")))
    if "last" in fields or not fields:
        raise definition_error(
            path, "invalid", 'Allowed: {"last": {"days": 90}} or {"from": …, "to": …}.'
        )
    start, end = (
        read_iso(fields[name], join_path(path, name)) if name in fields else None
        for name in ("from", "to")
    )
    return nodes.Range(start, end)


def _read_where(parser: _Parser, fields: Mapping[str, Any], path: str, depth: int) -> Where | None:
    if "where" not in fields:
        return None
    tree = parser.read(fields["where"], join_path(path, "where"), depth + 1, EVENT_READERS)
    return _require(tree)


def _read_field(parser: _Parser, value: object, path: str, depth: int) -> nodes.FieldLeaf:
    fields = read_fields(value, path, ("type", "key", "operator"), TEST_FIELDS)
    root = nodes.Root.PROPERTIES if fields["type"] == "property" else nodes.Root.CONTEXT
    key = read_key(fields["key"], join_path(path, "key"))
    test, is_negated = read_test(fields, path, ValueKind.FIELD)
    return nodes.FieldLeaf(root, key, test, is_negated)


def _read_segment(parser: _Parser, value: object, path: str, depth: int) -> PersonLeaf:
    fields = read_fields(value, path, ("type", "key"))
    return nodes.SegmentLeaf(read_name(fields["key"], join_path(path, "key")))


def _read_consent(parser: _Parser, value: object, path: str, depth: int) -> PersonLeaf:
    fields = read_fields(value, path, ("type", "purpose", "permitted"))
    purpose = read_name(fields["purpose"], join_path(path, "purpose"))
    return nodes.ConsentLeaf(
        purpose, read_boolean(fields["permitted"], join_path(path, "permitted"))
    )


def _read_everyone(parser: _Parser, value: object, path: str, depth: int) -> PersonLeaf:
    read_fields(value, path, ("type",))
    return nodes.EveryoneLeaf()


# The functions that read a leaf, by its type: of a definition, and of a `where`.
Readers = Mapping[str, Callable[[_Parser, object, str, int], Leaf]]
PROFILE_READERS: Readers[PersonLeaf] = {
    "trait": _read_trait,
    "event": _read_event,
    "segment": _read_segment,
    "consent": _read_consent,
    "everyone": _read_everyone,
}
EVENT_READERS: Readers[nodes.FieldLeaf] = {"property": _read_field, "context": _read_field}
