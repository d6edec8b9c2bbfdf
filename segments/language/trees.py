"""Reading trees: groups, and leaves by the readers of whatever the tree is about.

Invariant: every fault is noted with its path, also beside another one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from segments.language.nodes import And, AtLeast, Not, Or, Tree
from segments.language.operands import (
    DefinitionError,
    Fault,
    definition_error,
    join_path,
    list_words,
    read_choice,
    read_count,
    read_fields,
)

MAX_DEPTH = 10
MAX_NODES = 200
GROUPS = ("and", "or", "not", "at_least")

Leaf = TypeVar("Leaf")


@dataclass(slots=True)
class TreeReader:
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

    def read_inside(
        self, value: object, path: str, depth: int, readers: "Readers[Leaf]"
    ) -> Tree[Leaf]:
        """Return a tree inside a leaf. Raises DefinitionError without faults if one was noted."""
        return require(self.read(value, path, depth + 1, readers))

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
            return Not(require(child))
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
        return tuple(require(child) for child in children)


def require(child: Tree[Leaf] | None) -> Tree[Leaf]:
    """Return a child that has no fault. Raises DefinitionError without faults for one that has."""
    if child is None:
        # The fault itself has been noted already.
        raise DefinitionError([])
    return child


# The functions that read a leaf, by its type.
Readers = Mapping[str, Callable[[TreeReader, object, str, int], Leaf]]
