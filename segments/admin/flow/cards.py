"""What the builder shows of an automation: cards with fields, and the ways after them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from segments.admin.builder.tree import Choices, Field, anchor_of
from segments.admin.flow.places import is_step
from segments.language.operands import Fault


@dataclass(slots=True)
class Way:
    """A list of steps: where it lies, when it is gone, and what it is weighed by."""

    path: str
    label: Any
    cards: "Sequence[Card]"
    fields: Sequence[Field] = ()
    removable: str = ""

    @property
    def anchor(self) -> str:
        return anchor_of(self.path, "w")


@dataclass(slots=True)
class Card:
    """The trigger, a step or a rule, with the widgets of its fields, and the ways after it."""

    path: str
    title: Any
    fields: Sequence[Field] = ()
    extras: Choices = ()
    ways: Sequence[Way] = ()
    branches: str = ""
    is_removable: bool = False
    faults: list[Fault] = field(default_factory=list)
    warnings: Sequence[Fault] = ()

    @property
    def anchor(self) -> str:
        return anchor_of(self.path, "n")

    @property
    def is_step(self) -> bool:
        return is_step(self.path)

    def walk(self) -> "Iterator[Card]":
        yield self
        for way in self.ways:
            for card in way.cards:
                yield from card.walk()


@dataclass(slots=True)
class Flow:
    """All of it. `others` are the faults that lie at no card."""

    trigger: Card
    steps: Way
    rules: Sequence[Card]
    open_rules: Choices
    palette: Choices
    others: list[Fault]

    def walk(self) -> Iterator[Card]:
        yield from self.trigger.walk()
        for card in (*self.steps.cards, *self.rules):
            yield from card.walk()
