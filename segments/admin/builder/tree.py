"""What the builder shows of a definition: nodes, and the widgets of their fields."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from segments.admin.builder.labels import FIELD_LABELS, label_of, word_of
from segments.admin.builder.paths import split_path
from segments.language.operands import Fault

Choices = Sequence[tuple[str, Any]]


@dataclass(slots=True)
class Field:
    """One widget: its kind, the place of its value, and the words before it.

    `kind` says what a typed value is read as. `parts` are the widgets of a value that has several.
    `op` is the operation of a choice, where it sets more than a value.
    """

    widget: str
    path: str
    value: Any = ""
    lead: Any = ""
    kind: str = "text"
    choices: Choices = ()
    parts: "Sequence[Field]" = ()
    node: "Node | None" = None
    op: str = ""
    is_optional: bool = False
    is_suggested: bool = False

    @property
    def anchor(self) -> str:
        return anchor_of(self.path, "f")

    @property
    def label(self) -> Any:
        """What the widget is called where nobody sees what stands around it."""
        steps = [step for step in split_path(self.path) if isinstance(step, str)]
        return self.lead or label_of(FIELD_LABELS, steps[-1] if steps else "")


@dataclass(slots=True)
class Node:
    """A group or a leaf. `path` is that of the `not` around it, if there is one, `inside` its own.

    `kind` is one of the GROUP_KINDS or the type of the leaf, `extras` the fields that it could have
    beside those it has, `palette` what can be added to it.
    """

    path: str
    inside: str
    kind: str
    title: Any
    is_group: bool = False
    is_negated: bool = False
    domain: str = ""
    count: Any = ""
    fields: Sequence[Field] = ()
    children: "Sequence[Node]" = ()
    extras: Choices = ()
    palette: Choices = ()
    choices: Choices = ()
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        return anchor_of(self.path, "n")

    @property
    def word(self) -> Any:
        return word_of(self.kind, is_negated=self.is_negated)

    def walk(self) -> "Iterator[Node]":
        """Yield the node and all below it, also those inside of leaves."""
        yield self
        for child in self.children:
            yield from child.walk()
        for inner in _fields_below(self.fields):
            if inner.node is not None:
                yield from inner.node.walk()


def _fields_below(fields: Sequence[Field]) -> Iterator[Field]:
    for inner in fields:
        yield inner
        yield from _fields_below(inner.parts)


def anchor_of(path: str, prefix: str) -> str:
    """Return the id of an element for a place in the definition."""
    return f"{prefix}-{re.sub(r'[^a-z0-9_]+', '-', path.lower()).strip('-')}"
