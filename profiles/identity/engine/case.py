"""A fact while it is judged: what it still names, and what that would unite.

Invariant: the parts of a case are disjoint, and dropping a ref never adds to their union.
"""

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple

from profiles.identifiers.references import Ref
from profiles.identity.engine.facts import Fact, Trust
from profiles.identity.engine.outcomes import RefusalRule
from profiles.identity.engine.rules import PROFILE, Decisions, Rules
from profiles.identity.engine.state import IdentityState


class Part(NamedTuple):
    """One end of a union: all refs of a profile that joins, or one loose ref.

    `named` are those of its `refs` that the fact names. `profile` becomes one with the others; a
    new ref, and one taken out of a profile that stays, have none.
    """

    profile: int | None
    named: tuple[Ref, ...]
    refs: AbstractSet[Ref]


@dataclass(slots=True)
class Case:
    """A fact before the rules: the refs still in it, highest first, and those refused so far."""

    state: IdentityState
    fact: Fact
    rules: Rules
    decisions: Decisions
    named: list[Ref]
    refused: dict[Ref, RefusalRule] = field(default_factory=dict)
    _parts: list[Part] = field(default_factory=list)

    @property
    def anchor(self) -> Ref:
        return self.named[0]

    @property
    def is_trusted(self) -> bool:
        return self.fact.trust >= Trust.SERVER

    def refuse(self, ref: Ref, rule: RefusalRule) -> None:
        """Drop the ref from the fact."""
        self.named.remove(ref)
        self.refused[ref] = rule
        self._parts = []

    def readmit(self, ref: Ref) -> None:
        """Take a dropped ref back."""
        del self.refused[ref]
        self.named.append(ref)
        self.named.sort(key=self.rules.rank)
        self._parts = []

    def parts(self) -> list[Part]:
        """What the fact would unite, the anchor's own part first."""
        if not self._parts:
            self._parts = sorted(self._divide(), key=lambda part: self.anchor not in part.named)
        return self._parts

    def _divide(self) -> Iterator[Part]:
        held: dict[int, list[Ref]] = {}
        for ref in self.named:
            profile = self.state.profile_of(ref)
            if profile is None:
                yield Part(None, (ref,), {ref})
            else:
                held.setdefault(profile, []).append(ref)
        for profile, named in held.items():
            if self._is_for_taking(profile):
                yield from self._take(profile, named)
            else:
                yield Part(profile, tuple(named), self.state.refs_of(profile))

    def _is_for_taking(self, profile: int) -> bool:
        """Whether a trusted fact takes its refs out of this profile, rather than join it."""
        if not self.is_trusted or self.state.is_vouched(profile):
            return False
        refs = self.state.refs_of(profile)
        names_it_whole = any(ref.namespace == PROFILE and ref in refs for ref in self.named)
        return self.has_strong(refs) and not names_it_whole

    def _take(self, profile: int, named: list[Ref]) -> Iterator[Part]:
        """Loose parts. If only public UUIDs stay behind, the profile joins: the lowest brings them."""
        rest = self.state.refs_of(profile).difference(named)
        is_emptied = all(ref.namespace == PROFILE for ref in rest)
        joining = profile if is_emptied else None
        for ref in named[:-1]:
            yield Part(joining, (ref,), {ref})
        lowest = named[-1]
        yield Part(joining, (lowest,), {lowest} | rest if is_emptied else {lowest})

    def has_strong(self, refs: Iterable[Ref]) -> bool:
        """Whether any of the refs is neither weak nor a public UUID."""
        is_weak = self.rules.is_weak
        return any(ref.namespace != PROFILE and not is_weak(ref) for ref in refs)

    def joined(self) -> set[int]:
        """The profiles that become one."""
        return {part.profile for part in self.parts() if part.profile is not None}

    def merging(self) -> list[Ref]:
        """Named refs whose profile is merged with the anchor's; a loose anchor's is the oldest."""
        joined = self.joined()
        if len(joined) < 2:
            return []
        home = self.parts()[0].profile
        others = joined - {min(joined) if home is None else home}
        merged = {ref for part in self.parts() if part.profile in others for ref in part.named}
        return [ref for ref in self.named if ref in merged and ref.namespace != PROFILE]
