"""Who holds what at one moment, changed only by `apply` and by whoever loads it.

Invariant: a ref is held by one profile at most, and a profile exists while it holds a ref.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import date
from types import MappingProxyType
from typing import NamedTuple

from profiles.identifiers.references import Ref
from profiles.identity.engine.rules import Rules


class Holding(NamedTuple):
    """Which profile holds a ref, whether a trusted fact vouched for it, and since which day."""

    profile: int
    is_vouched: bool
    since: date


class IdentityState:
    """Who holds what; which refs are wanted by whom; which are quarantined.

    Loaded in part it is right for a fact when it has, for each ref of the fact: its holding, every
    ref of the profile that holds it, its wants and its quarantine. `allocate` gives the number of
    the next profile; numbers grow, so the smaller of two profiles was created first.
    """

    __slots__ = ("_held", "_quarantined", "_refs", "_vouched", "_wants", "allocate")

    def __init__(self, allocate: Callable[[], int]) -> None:
        self.allocate = allocate
        self._held: dict[Ref, Holding] = {}
        self._refs: dict[int, set[Ref]] = {}
        self._vouched: Counter[int] = Counter()
        self._wants: dict[Ref, set[tuple[Ref, date]]] = {}
        self._quarantined: set[Ref] = set()

    def hold(self, ref: Ref, profile: int, vouched: bool, since: date) -> None:
        """Give the ref to the profile; whoever held it lets go, and ceases with its last ref."""
        former = self._held.get(ref)
        if former is not None:
            self._release(ref, former)
        self._held[ref] = Holding(profile, vouched, since)
        self._refs.setdefault(profile, set()).add(ref)
        self._vouched[profile] += vouched

    def _release(self, ref: Ref, former: Holding) -> None:
        refs = self._refs[former.profile]
        refs.discard(ref)
        self._vouched[former.profile] -= former.is_vouched
        if not refs:
            del self._refs[former.profile], self._vouched[former.profile]

    def want(self, ref: Ref, wanter: Ref, day: date) -> None:
        """Remember that the wanter's person wanted the ref on that day."""
        self._wants.setdefault(ref, set()).add((wanter, day))

    def quarantine(self, ref: Ref) -> None:
        """Leave the ref out of facts from now on."""
        self._quarantined.add(ref)

    def holding_of(self, ref: Ref) -> Holding | None:
        return self._held.get(ref)

    def profile_of(self, ref: Ref) -> int | None:
        holding = self._held.get(ref)
        return None if holding is None else holding.profile

    def refs_of(self, profile: int) -> frozenset[Ref] | set[Ref]:
        """The refs that the profile holds now; a live set, not to be changed."""
        return self._refs.get(profile, frozenset())

    def is_vouched(self, profile: int) -> bool:
        """Whether a trusted fact vouched for any ref of the profile."""
        return self._vouched[profile] > 0

    def is_quarantined(self, ref: Ref) -> bool:
        return ref in self._quarantined

    def is_over_cap(self, ref: Ref, day: date, rules: Rules, wanter: Ref) -> bool:
        """Whether the ref has too many wanters, on the day or in all, once this one is counted."""
        wants = self._wants.get(ref, set()) | {(wanter, day)}
        today = sum(1 for _, wanted_on in wants if wanted_on == day)
        return today > rules.daily_cap or len({who for who, _ in wants}) > rules.total_cap

    def holdings(self) -> Mapping[Ref, Holding]:
        return MappingProxyType(self._held)

    def wants(self) -> Iterator[tuple[Ref, Ref, date]]:
        """Every (ref, wanter, day)."""
        return ((ref, *want) for ref, wants in self._wants.items() for want in wants)

    def quarantined(self) -> AbstractSet[Ref]:
        return frozenset(self._quarantined)
