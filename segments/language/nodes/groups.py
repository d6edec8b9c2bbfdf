"""Groups, which are the same whatever their leaves are: about profiles, events or list elements."""

from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

Leaf = TypeVar("Leaf")


@dataclass(frozen=True, slots=True)
class And(Generic[Leaf]):
    children: "tuple[Tree[Leaf], ...]"


@dataclass(frozen=True, slots=True)
class Or(Generic[Leaf]):
    children: "tuple[Tree[Leaf], ...]"


@dataclass(frozen=True, slots=True)
class Not(Generic[Leaf]):
    child: "Tree[Leaf]"


@dataclass(frozen=True, slots=True)
class AtLeast(Generic[Leaf]):
    """True where at least `count` of the children are."""

    count: int
    children: "tuple[Tree[Leaf], ...]"


Tree: TypeAlias = And[Leaf] | Or[Leaf] | Not[Leaf] | AtLeast[Leaf] | Leaf
