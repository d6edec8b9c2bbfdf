"""Reading which events a leaf is about: their kind, and `where` over each of them."""

from collections.abc import Mapping
from typing import Any

from segments.language import nodes
from segments.language.nodes import Where, WhereLeaf
from segments.language.operands import (
    DefinitionError,
    join_path,
    read_choice,
    read_fields,
    read_key,
    read_property_key,
)
from segments.language.operators import TEST_FIELDS, ValueKind, read_test
from segments.language.trees import Readers, TreeReader

ANY_EVENT = "*"
# Whose clock a `time` leaf reads.
ZONES = ("store", "event")


def _read_property(reader: TreeReader, value: object, path: str, depth: int) -> WhereLeaf:
    fields = read_fields(value, path, ("type", "key", "operator"), TEST_FIELDS)
    key = read_property_key(fields["key"], join_path(path, "key"))
    return nodes.FieldLeaf(nodes.Root.PROPERTIES, key, *read_test(fields, path, ValueKind.FIELD))


def _read_context(reader: TreeReader, value: object, path: str, depth: int) -> WhereLeaf:
    fields = read_fields(value, path, ("type", "key", "operator"), TEST_FIELDS)
    key = read_key(fields["key"], join_path(path, "key"))
    return nodes.FieldLeaf(nodes.Root.CONTEXT, key, *read_test(fields, path, ValueKind.FIELD))


def _read_any(reader: TreeReader, value: object, path: str, depth: int) -> WhereLeaf:
    fields = read_fields(value, path, ("type", "key", "where"))
    key = read_property_key(fields["key"], join_path(path, "key"))
    where_path = join_path(path, "where")
    return nodes.AnyElement(
        key, reader.read_inside(fields["where"], where_path, depth, ELEMENT_READERS)
    )


def _read_time(reader: TreeReader, value: object, path: str, depth: int) -> WhereLeaf:
    fields = read_fields(value, path, ("type", "part", "operator"), ("value", "zone"))
    part = read_choice(fields["part"], join_path(path, "part"), tuple(nodes.TimePart))
    zone = read_choice(fields.get("zone", "store"), join_path(path, "zone"), ZONES)
    test, is_negated = read_test(fields, path, ValueKind.PART)
    return nodes.TimeLeaf(nodes.TimePart(part), test, is_negated, zone == "event")


# An element of a list has no context and no time of its own.
ELEMENT_READERS: Readers[WhereLeaf] = {"property": _read_property, "any": _read_any}
EVENT_READERS: Readers[WhereLeaf] = {
    **ELEMENT_READERS,
    "context": _read_context,
    "time": _read_time,
}


def read_kind(fields: Mapping[str, Any], path: str, name: str) -> nodes.Kind | None:
    """Return the kind of the events that a leaf names; None for any kind."""
    if "kind" not in fields:
        return None if name == ANY_EVENT else nodes.Kind.TRACK
    return nodes.Kind(read_choice(fields["kind"], join_path(path, "kind"), tuple(nodes.Kind)))


def read_own_where(fields: Mapping[str, Any], path: str) -> Where | None:
    """Return the condition of events that no leaf of a definition asks about.

    Raises DefinitionError with all its faults.
    """
    reader = TreeReader()
    try:
        where = read_where(reader, fields, path, 1)
    except DefinitionError as error:
        # Without faults where the reader has noted them.
        raise DefinitionError([*reader.faults, *error.errors]) from None
    if reader.faults:
        raise DefinitionError(reader.faults)
    return where


def read_where(
    reader: TreeReader, fields: Mapping[str, Any], path: str, depth: int
) -> Where | None:
    """Return the condition of each event that counts; None if all count."""
    if "where" not in fields:
        return None
    return reader.read_inside(fields["where"], join_path(path, "where"), depth, EVENT_READERS)
