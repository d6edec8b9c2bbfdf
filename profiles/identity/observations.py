"""Observations, which go into a resolution, and what comes out of it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from typing import NamedTuple

from profiles.identifiers.references import Ref
from profiles.registry import IdentifierMove


class Observation(NamedTuple):
    """A source saw these identifiers together on a UTC day, at a trust: a fact without a number.

    `digest` is 32 hexadecimal digits, the same for the same identifiers in any order, source, trust
    and day.
    """

    refs: tuple[Ref, ...]
    source_id: int
    trust: int
    day: date
    digest: str

    @classmethod
    def of(cls, refs: tuple[Ref, ...], source_id: int, trust: int, day: date) -> "Observation":
        """Return the observation with its digest."""
        names = [f"{namespace}\0{value}" for namespace, value in refs]
        if len(names) > 1:
            names.sort()
        # NUL separates, because no stored identifier contains one.
        text = f"{source_id}\0{trust}\0{day}\0" + "\0".join(names)
        digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        return cls(refs, source_id, trust, day, digest)


class Attribution(NamedTuple):
    """The profile to which something belongs, and the identifier that is the evidence for it."""

    profile_id: int
    identifier_id: int


@dataclass(slots=True)
class Resolution:
    """The result of resolving a chunk's observations.

    The caller has to recompute the golden traits of `stale_traits` and the statistics of
    `moved_profiles`. `cut_claims` has what was left of claims that named too many.
    """

    attributions: dict[Observation, Attribution] = field(default_factory=dict)
    changed_profiles: set[int] = field(default_factory=set)
    contact_changes: set[int] = field(default_factory=set)
    moves: Sequence[IdentifierMove] = ()
    cut_claims: Mapping[Observation, Observation] = field(default_factory=dict)

    @property
    def moved_profiles(self) -> set[int]:
        """The profiles that lost or gained identifiers."""
        return set(chain.from_iterable((move.origin, move.target) for move in self.moves))

    @property
    def stale_traits(self) -> set[int]:
        """The profiles whose contacts or source records changed."""
        return self.contact_changes | self.moved_profiles
