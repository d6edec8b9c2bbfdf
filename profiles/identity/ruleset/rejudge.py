"""Judging stored facts again by other rules, as if these had always stood.

Invariant: it only reads. Quarantines are those that the other rules give, and components are taken
together where these would have let a fact join them.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from profiles.identifiers.references import Ref
from profiles.identity.engine import IdentityState, Outcome, set_apart
from profiles.identity.replay import (
    IdentityConfiguration,
    StoredFact,
    StoredIdentifier,
    assign_public_uuids,
    component_of,
    end_quarantines,
    is_quarantined_at,
    judge,
    quarantine_seqs,
    refs_of_profiles,
    stand_alone,
    stored_identifiers,
    usable_identifiers,
)
from profiles.identity.rules import Ruleset
from profiles.identity.stored_facts import facts_naming_any
from profiles.lib.batches import batches
from profiles.lib.database import any_of
from profiles.models import Identifier, IdentityOutcome


@dataclass(frozen=True, slots=True)
class StoredPeople:
    """The identifiers of some components, all facts that name any, and whom else these name.

    `quarantines` are the facts by which each identifier was quarantined.
    """

    components: frozenset[int]
    inside: Mapping[int, StoredIdentifier]
    outside: Mapping[int, StoredIdentifier]
    facts: Sequence[StoredFact]
    quarantines: Mapping[int, Sequence[int]]

    @property
    def identifiers(self) -> dict[int, StoredIdentifier]:
        """All identifiers that the facts name, by id."""
        return {**self.outside, **self.inside}


@dataclass(slots=True)
class Judgement:
    """What other rules make of people: the state, and what was not plain, by the fact's number.

    `seqs` are the facts that were judged. `quarantined` has the last fact that quarantined each
    identifier, `joined` the components of facts that have several, and `loose` the identifiers that
    facts of other components would have named.
    """

    state: IdentityState
    seqs: list[int] = field(default_factory=list)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    quarantined: dict[Ref, int] = field(default_factory=dict)
    joined: list[set[int]] = field(default_factory=list)
    loose: set[int] = field(default_factory=set)

    def is_quarantined(self, identifier: StoredIdentifier) -> bool:
        """Whether the identifier is quarantined by now."""
        seq = self.quarantined.get(identifier.ref)
        released_seq = identifier.released_seq
        return seq is not None and (released_seq is None or seq > released_seq)


def rejudge(
    components: Collection[int], ruleset: Ruleset, configuration: IdentityConfiguration
) -> tuple[StoredPeople, Judgement]:
    """Judge all facts of the components by the rules, with the components that they would join."""
    wide = frozenset(components)
    while True:
        people = load_people(wide)
        judgement = judge_people(people, ruleset, configuration)
        wider = wide | components_beside(judgement.loose)
        if wider == wide:
            return people, judgement
        wide = wider


def load_people(components: frozenset[int]) -> StoredPeople:
    """Read components, with all facts that name any of their identifiers."""
    inside = stored_identifiers(Identifier.objects.filter(component__in=components))
    facts = facts_naming_any(inside)
    named_ids = {pk for fact in facts for pk in fact.identifier_ids}
    outside = stored_identifiers(Identifier.objects.filter(any_of("id", named_ids - inside.keys())))
    return StoredPeople(components, inside, outside, facts, quarantine_seqs([*inside, *outside]))


def judge_people(
    people: StoredPeople, ruleset: Ruleset, configuration: IdentityConfiguration
) -> Judgement:
    """Judge the facts of these people by the rules, in order of `seq`, from an empty state."""
    judgement = Judgement(IdentityState(count(1).__next__))
    state, identifiers = judgement.state, people.identifiers
    of_profiles = refs_of_profiles(people.inside.values())
    released: set[int] = set()
    for fact in people.facts:
        named = usable_identifiers(fact, identifiers, ruleset)
        quarantined = [row for row in named if _is_quarantined(people, row, fact.seq)]
        end_quarantines(state, named, fact.seq, released)
        if not named or component_of(named, quarantined, ruleset.rules.rank) in people.components:
            judgement.seqs.append(fact.seq)
        else:
            judgement.loose |= {
                row.id
                for row in quarantined
                if row.id in people.inside and not state.is_quarantined(row.ref)
            }
            continue
        if named:
            stand_alone(state, named, fact.seq)
            for row in quarantined:
                # Those of other components only: of its own the rules decide.
                if row.id in people.outside:
                    state.quarantine(row.ref)
                    set_apart(state, row.ref)
            usable = {row.component for row in named if not state.is_quarantined(row.ref)}
            if len(usable) > 1:
                judgement.joined.append(usable)
            assign_public_uuids(state, named, of_profiles, fact.day)
            _note(judgement, fact.seq, judge(state, fact, named, ruleset.rules, configuration))
    stand_alone(state, people.inside.values(), None)
    return judgement


def _note(judgement: Judgement, seq: int, outcome: Outcome) -> None:
    if not outcome.is_plain:
        judgement.outcomes[seq] = outcome
    judgement.quarantined.update(dict.fromkeys(outcome.quarantined, seq))


def _is_quarantined(people: StoredPeople, identifier: StoredIdentifier, seq: int) -> bool:
    return is_quarantined_at(identifier, seq, people.quarantines.get(identifier.id, ()))


def components_beside(identifier_ids: Collection[int]) -> frozenset[int]:
    """Return the components of all identifiers that any fact names together with one of these."""
    if not identifier_ids:
        return frozenset()
    named_ids = {pk for fact in facts_naming_any(identifier_ids) for pk in fact.identifier_ids}
    identifiers = Identifier.objects.filter(any_of("id", named_ids))
    return frozenset(identifiers.values_list("component", flat=True))


def component_groups(
    components: Iterable[int],
    ruleset: Ruleset,
    configuration: IdentityConfiguration,
    *,
    size: int,
) -> Iterator[frozenset[int]]:
    """Yield the components in groups of about `size` that can be judged each by itself.

    Those between which the rules would not quarantine an identifier are in one group.
    """
    wanted = set(components)
    linked = _linked_groups(wanted, ruleset, configuration)
    yield from linked
    rest = sorted(wanted.difference(*linked))
    for batch in batches(rest, size):
        yield frozenset(batch)


def _linked_groups(
    components: set[int], ruleset: Ruleset, configuration: IdentityConfiguration
) -> list[frozenset[int]]:
    """Return the sets of components that the rules would have joined, by quarantined ids."""
    outcomes = IdentityOutcome.objects.filter(rule="quarantine")
    ids = set(outcomes.values_list("identifier_id", flat=True))
    holding = set(Identifier.objects.filter(pk__in=ids).values_list("component", flat=True))
    linked: list[frozenset[int]] = []
    for component in sorted(holding & components):
        if any(component in group for group in linked):
            continue
        group = frozenset({component})
        while True:
            people, _ = rejudge(group, ruleset, configuration)
            overlapping = [other for other in linked if other & people.components]
            if people.components.union(*overlapping) == group:
                break
            group = people.components.union(*overlapping)
            linked = [other for other in linked if other not in overlapping]
        if len(group) > 1:
            linked.append(group)
    return linked
