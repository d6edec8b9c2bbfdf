"""A fact while it is judged: the refs still in it, and what they would unite.

Invariant: the parts of a case are disjoint, and dropping a ref never adds to their union.
"""

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple

from profiles.identifiers.references import Ref
from profiles.identity.engine.facts import Fact, Trust
from profiles.identity.engine.outcomes import RefusalRule
from profiles.identity.engine.rules import PROFILE, Rules
from profiles.identity.engine.state import IdentityState
from profiles.identity.engine.verdicts import Decisions


class Part(NamedTuple):
    """One part of a union: a profile with all its refs, or one loose ref.

    `fact_refs` are those of its `refs` that the fact names. `profile` is the profile that becomes
    one with the others. It is None for a new ref, and for a ref taken out of a profile that stays.
    """

    profile: int | None
    fact_refs: tuple[Ref, ...]
    refs: AbstractSet[Ref]


@dataclass(slots=True)
class Case:
    """A fact before the rules: the refs `kept` so far, highest first, and the refs `refused`."""

    state: IdentityState
    fact: Fact
    rules: Rules
    decisions: Decisions
    kept: list[Ref]
    refused: dict[Ref, RefusalRule] = field(default_factory=dict)
    _parts: list[Part] = field(default_factory=list)

    @property
    def anchor(self) -> Ref:
        """The highest kept ref, by which the fact is attributed."""
        return self.kept[0]

    @property
    def is_trusted(self) -> bool:
        return self.fact.trust >= Trust.SERVER

    @property
    def is_plain_claim(self) -> bool:
        """Whether the fact is a claim of a source that may not join people."""
        return not self.is_trusted and self.fact.source not in self.rules.joining_sources

    def refuse(self, ref: Ref, rule: RefusalRule) -> None:
        """Drop the ref from the fact."""
        self.kept.remove(ref)
        self.refused[ref] = rule
        self._parts = []  # computed again on the next call

    def readmit(self, ref: Ref) -> None:
        """Take a dropped ref back into the fact."""
        del self.refused[ref]
        self.kept.append(ref)
        self.kept.sort(key=self.rules.rank)
        self._parts = []

    def parts(self) -> list[Part]:
        """Return what the fact would unite, the anchor's own part first."""
        if not self._parts:
            parts = self._divide_into_parts()
            self._parts = sorted(parts, key=lambda part: self.anchor not in part.fact_refs)
        return self._parts

    def _divide_into_parts(self) -> Iterator[Part]:
        refs_by_profile: dict[int, list[Ref]] = {}
        for ref in self.kept:
            profile = self.state.profile_of(ref)
            if profile is None:
                yield Part(None, (ref,), {ref})
            else:
                refs_by_profile.setdefault(profile, []).append(ref)
        for profile, fact_refs in refs_by_profile.items():
            if self._takes_refs_from(profile):
                yield from self._taken_parts(profile, fact_refs)
            else:
                yield Part(profile, tuple(fact_refs), self.state.refs_of(profile))

    def _takes_refs_from(self, profile: int) -> bool:
        """Whether the fact takes its refs out of this profile instead of joining the profile.

        A trusted fact does so, because nothing but a claim put its refs there.
        """
        if not self.is_trusted or self.state.is_vouched(profile):
            return False
        refs = self.state.refs_of(profile)
        # A fact that names the public UUID means the profile as a whole.
        names_profile = any(ref.namespace == PROFILE and ref in refs for ref in self.kept)
        return self.has_strong(refs) and not names_profile

    def _taken_parts(self, profile: int, fact_refs: list[Ref]) -> Iterator[Part]:
        """Yield a part for each ref that is taken out of the profile."""
        rest = self.state.refs_of(profile).difference(fact_refs)
        # If only public UUIDs would stay behind, the profile joins after all, and the lowest ref
        # brings the UUIDs along.
        is_emptied = all(ref.namespace == PROFILE for ref in rest)
        joining = profile if is_emptied else None
        for ref in fact_refs[:-1]:
            yield Part(joining, (ref,), {ref})
        lowest = fact_refs[-1]
        yield Part(joining, (lowest,), {lowest} | rest if is_emptied else {lowest})

    def has_strong(self, refs: Iterable[Ref]) -> bool:
        """Whether any of the refs is neither weak nor a public UUID."""
        is_weak = self.rules.is_weak
        return any(ref.namespace != PROFILE and not is_weak(ref) for ref in refs)

    def joined_profiles(self) -> set[int]:
        """Return the profiles that become one."""
        return {part.profile for part in self.parts() if part.profile is not None}

    def merging_refs(self) -> list[Ref]:
        """Return the kept refs whose profile is merged with the anchor's profile.

        A loose anchor counts as being of the oldest profile.
        """
        joined = self.joined_profiles()
        if len(joined) < 2:
            return []
        home = self.parts()[0].profile
        others = joined - {min(joined) if home is None else home}
        merged = {ref for part in self.parts() if part.profile in others for ref in part.fact_refs}
        return [ref for ref in self.kept if ref in merged and ref.namespace != PROFILE]
