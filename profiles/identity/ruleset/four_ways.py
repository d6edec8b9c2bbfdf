"""Comparing two partings of the same identifiers into people: who stays, joins, parts, or both.

Invariant: an identifier that one of the partings gives to nobody counts in neither.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

# The identifiers of people, by a number for each of them.
Parting = Mapping[int, AbstractSet[int]]


class Change(StrEnum):
    """What becomes of people.

    Overlapping are people of whom some are parted and joined to others at once.
    """

    UNCHANGED = "unchanged"
    MERGED = "merged"
    PARTED = "parted"
    OVERLAPPING = "overlapping"


class Family(NamedTuple):
    """People who share identifiers before and after, by the numbers of both partings."""

    before: AbstractSet[int]
    after: AbstractSet[int]

    @property
    def change(self) -> Change:
        match len(self.before) > 1, len(self.after) > 1:
            case False, False:
                return Change.UNCHANGED
            case True, False:
                return Change.MERGED
            case False, True:
                return Change.PARTED
            case _:
                return Change.OVERLAPPING


@dataclass(slots=True)
class FourWays:
    """How many people of each kind there are before and after, and who changes."""

    before: Counter[Change] = field(default_factory=Counter)
    after: Counter[Change] = field(default_factory=Counter)
    changed: set[int] = field(default_factory=set)

    def add(self, before: Parting, after: Parting) -> None:
        """Add people, as they are before and after."""
        for family in families(before, after):
            change = family.change
            self.before[change] += len(family.before)
            self.after[change] += len(family.after)
            if change != Change.UNCHANGED:
                self.changed |= family.before


def families(before: Parting, after: Parting) -> Iterator[Family]:
    """Yield the smallest groups of people that no identifier leaves."""
    holders = {identifier: number for number, ids in after.items() for identifier in ids}
    heirs = {
        number: {holders[identifier] for identifier in ids if identifier in holders}
        for number, ids in before.items()
    }
    origins: dict[int, set[int]] = defaultdict(set)
    for number, news in heirs.items():
        for new in news:
            origins[new].add(number)
    visited: set[int] = set()
    for number, news in heirs.items():
        if number in visited or not news:
            continue
        olds, reached, waiting = {number}, set(news), list(news)
        while waiting:
            for old in origins[waiting.pop()] - olds:
                olds.add(old)
                waiting += heirs[old] - reached
                reached |= heirs[old]
        visited |= olds
        yield Family(olds, reached)
