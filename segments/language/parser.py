"""Parsing the JSON of a definition into nodes.

Invariant: every definition that is accepted can be evaluated on any data. Anything else is refused
here, with the path of each fault and what is allowed. No module above this room interprets the
JSON.
"""

from collections.abc import Mapping
from typing import Any

from segments.language.accounts import ACCOUNT_READERS
from segments.language.events import HISTORY_READERS
from segments.language.measured import MEASURED_READERS
from segments.language.nodes import Node, PersonLeaf
from segments.language.operands import DefinitionError, Fault
from segments.language.people import PERSON_READERS
from segments.language.sessions import SESSION_READERS
from segments.language.trees import MAX_DEPTH, MAX_NODES, Readers, TreeReader

__all__ = [
    "MAX_DEPTH",
    "MAX_NODES",
    "DefinitionError",
    "Fault",
    "child_definitions",
    "parse",
    "parse_with_paths",
    "readable_leaves",
]

LEAF_READERS: Readers[PersonLeaf] = {
    **PERSON_READERS,
    **HISTORY_READERS,
    **MEASURED_READERS,
    **SESSION_READERS,
    **ACCOUNT_READERS,
}


def parse(definition: object) -> Node:
    """Return the root node of a definition. Raises DefinitionError with all faults."""
    return parse_with_paths(definition)[0]


def parse_with_paths(definition: object) -> tuple[Node, list[tuple[str, object]]]:
    """Return the root node, and each leaf with its path. Raises DefinitionError with all faults."""
    reader = TreeReader()
    node = reader.read(definition, "", 1, LEAF_READERS)
    if reader.faults or node is None:
        raise DefinitionError(reader.faults)
    return node, reader.leaves


def readable_leaves(definition: object) -> list[tuple[str, object]]:
    """Return the leaves that have no fault, each with its path, whatever is wrong elsewhere."""
    reader = TreeReader()
    reader.read(definition, "", 1, LEAF_READERS)
    return reader.leaves


def child_definitions(definition: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the definitions directly inside a group, each with the name of the field it is in.

    They have the order of the children of the group's node. A leaf gives an empty list.
    """
    if "child" in definition:
        return [("child", definition["child"])]
    return [("children", child) for child in definition.get("children", ())]
