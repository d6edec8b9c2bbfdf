"""Verdicts: which refs staff or a service decided to be one person's, and which not.

Invariant: verdicts hold from the first fact on, whenever they were given. Their number only says
which of two that contradict each other is the newer.
"""

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from profiles.identifiers.references import Ref


class Verdict(NamedTuple):
    """A decision on an unordered pair of refs.

    It says that they are one person's, or keeps them apart: not the same person, or related only.
    A service's "same" obeys unique namespaces, and that of staff does not.
    """

    one: Ref
    other: Ref
    number: int
    is_same: bool = False
    is_of_staff: bool = True


class Decisions:
    """All verdicts that hold, found by their refs."""

    __slots__ = ("_apart", "_same")

    def __init__(self, verdicts: Iterable[Verdict] = ()) -> None:
        self._apart: dict[Ref, dict[Ref, int]] = {}
        self._same: dict[Ref, list[Verdict]] = {}
        for verdict in verdicts:
            for ref, partner in ((verdict.one, verdict.other), (verdict.other, verdict.one)):
                if verdict.is_same:
                    self._same.setdefault(ref, []).append(verdict)
                else:
                    self._apart.setdefault(ref, {})[partner] = verdict.number

    def __bool__(self) -> bool:
        return bool(self._apart or self._same)

    @property
    def joins_any(self) -> bool:
        """Whether any verdict says "same"."""
        return bool(self._same)

    def not_same_as(self, ref: Ref) -> AbstractSet[Ref]:
        """Return the refs that must not be in one profile with this one."""
        return self._apart.get(ref, {}).keys()

    def same_of(self, refs: Iterable[Ref]) -> Iterator[Verdict]:
        """Yield the verdicts of "same" on any of the refs; one on two of them comes twice."""
        if self._same:
            for ref in refs:
                yield from self._same.get(ref, ())

    def are_parted(self, some: Iterable[Ref], others: AbstractSet[Ref], since: int) -> bool:
        """Whether a verdict newer than number `since` keeps any of `some` apart from `others`."""
        return any(
            number > since and partner in others
            for ref in some
            for partner, number in self._apart.get(ref, {}).items()
        )
