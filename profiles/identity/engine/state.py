"""The state of identities at one moment: which profile has which refs.

Invariant: a ref is assigned to at most one profile, and a profile exists while it has a ref. Only
`apply_fact` and the loaders of a state change it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import date
from types import MappingProxyType
from typing import NamedTuple

from profiles.identifiers.references import Ref
from profiles.identity.engine.rules import Rules


class Assignment(NamedTuple):
    """The profile that has a ref, whether a trusted fact vouched for it, and since which day."""

    profile: int
    is_vouched: bool
    since: date


class IdentityState:
    """Assignments of refs to profiles, wants of refs by other refs, and quarantined refs.

    A state loaded in part is right for a fact if it has, for each ref of the fact: the assignment,
    all refs of the assigned profile, the wants and the quarantine. `allocate` gives the number of
    the next profile. Numbers grow, so the smaller of two profiles was created first.
    """

    __slots__ = ("_assignments", "_quarantined", "_refs", "_vouched", "_wants", "allocate")

    def __init__(self, allocate: Callable[[], int]) -> None:
        self.allocate = allocate
        self._assignments: dict[Ref, Assignment] = {}
        self._refs: dict[int, set[Ref]] = {}
        self._vouched: Counter[int] = Counter()  # vouched refs by profile
        self._wants: dict[Ref, set[tuple[Ref, date]]] = {}
        self._quarantined: set[Ref] = set()

    def assign(self, ref: Ref, profile: int, is_vouched: bool, since: date) -> None:
        """Assign the ref to the profile and take it from the profile that had it.

        A profile ceases to exist with its last ref.
        """
        former = self._assignments.get(ref)
        if former is not None:
            self._release(ref, former)
        self._assignments[ref] = Assignment(profile, is_vouched, since)
        refs = self._refs.get(profile)
        if refs is None:
            self._refs[profile] = {ref}
        else:
            refs.add(ref)
        if is_vouched:
            self._vouched[profile] += 1

    def _release(self, ref: Ref, former: Assignment) -> None:
        refs = self._refs[former.profile]
        refs.discard(ref)
        if former.is_vouched:
            self._vouched[former.profile] -= 1
        if not refs:
            del self._refs[former.profile]
            self._vouched.pop(former.profile, None)

    def add_want(self, ref: Ref, wanter: Ref, day: date) -> None:
        """Record that the profile of `wanter` wanted the ref on that day."""
        self._wants.setdefault(ref, set()).add((wanter, day))

    def quarantine(self, ref: Ref) -> None:
        """Leave the ref out of all facts from now on."""
        self._quarantined.add(ref)

    def release(self, ref: Ref) -> None:
        """Let facts use the ref again, and forget who wanted it."""
        self._quarantined.discard(ref)
        self._wants.pop(ref, None)

    def assignment_of(self, ref: Ref) -> Assignment | None:
        return self._assignments.get(ref)

    def profile_of(self, ref: Ref) -> int | None:
        assignment = self._assignments.get(ref)
        return None if assignment is None else assignment.profile

    def refs_of(self, profile: int) -> frozenset[Ref] | set[Ref]:
        """Return the profile's refs as a live set, which the caller must not change."""
        return self._refs.get(profile, frozenset())

    def is_vouched(self, profile: int) -> bool:
        """Whether a trusted fact vouched for any ref of the profile."""
        return self._vouched[profile] > 0

    def is_quarantined(self, ref: Ref) -> bool:
        return ref in self._quarantined

    def is_over_cap(self, ref: Ref, day: date, rules: Rules, wanter: Ref) -> bool:
        """Whether the ref has too many wanters, on the day or in all, counting this one."""
        wants = self._wants.get(ref, set()) | {(wanter, day)}
        wanted_today = sum(1 for _, wanted_on in wants if wanted_on == day)
        wanters = {each_wanter for each_wanter, _ in wants}
        return wanted_today > rules.daily_cap or len(wanters) > rules.total_cap

    def assignments(self) -> Mapping[Ref, Assignment]:
        return MappingProxyType(self._assignments)

    def wants(self) -> Iterator[tuple[Ref, Ref, date]]:
        """Yield every (ref, wanter, day)."""
        return ((ref, *want) for ref, wants in self._wants.items() for want in wants)

    def quarantined_refs(self) -> AbstractSet[Ref]:
        return frozenset(self._quarantined)
