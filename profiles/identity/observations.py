"""What goes into a judgement and what comes out of it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from typing import NamedTuple

from profiles.identifiers.references import Ref
from profiles.registry import IdentifierMove


class Observation(NamedTuple):
    """These identifiers were seen together by a source, at a trust, on a UTC day: a fact before it has a number."""

    refs: tuple[Ref, ...]
    source_id: int
    trust: int
    day: date


class Attribution(NamedTuple):
    """Where a sighting belongs: the profile, and the identifier that is the evidence for it."""

    profile_id: int
    identifier_id: int


@dataclass(slots=True)
class Resolution:
    """What became of a chunk's sightings.

    The golden traits of `stale_traits` and the statistics of `moved_profiles` are for the caller to make again.
    """

    landings: dict[Observation, Attribution] = field(default_factory=dict)
    changed_profiles: set[int] = field(default_factory=set)
    contact_changes: set[int] = field(default_factory=set)
    moves: Sequence[IdentifierMove] = ()

    @property
    def moved_profiles(self) -> set[int]:
        """Those that identifiers left or came to."""
        return set(chain.from_iterable((move.origin, move.target) for move in self.moves))

    @property
    def stale_traits(self) -> set[int]:
        """Those whose e-mail addresses, telephone numbers or records are others than before."""
        return self.contact_changes | self.moved_profiles


def fact_digest(sighting: Observation) -> str:
    """The name of a fact, 32 hexadecimal digits: the same set of identifiers, source, trust and day give the same one."""
    refs, source_id, trust, day = sighting
    named = [f"{namespace}\0{value}" for namespace, value in refs]
    if len(named) > 1:
        named.sort()
    words = f"{source_id}\0{trust}\0{day}\0" + "\0".join(named)
    return hashlib.blake2b(words.encode(), digest_size=16).hexdigest()
