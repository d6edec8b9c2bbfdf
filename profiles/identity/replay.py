"""Replaying stored facts from an empty state, component by component.

The result is what unmerges, erasures and `verify_profiles` compare the stored profiles with.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from typing import Any, NamedTuple

from django.db.models import QuerySet

from profiles.identifiers.references import Ref
from profiles.identity.engine import (
    PROFILE,
    Decisions,
    Fact,
    IdentityState,
    Outcome,
    Rules,
    Trust,
    Verdict,
    apply_fact,
    set_apart,
)
from profiles.identity.rules import Ruleset, RulesHistory, load_history
from profiles.lib.database import any_of
from profiles.models import (
    DecisionVerdict,
    Identifier,
    IdentityDecision,
    IdentityOutcome,
    Source,
)


@dataclass(frozen=True, slots=True)
class IdentityConfiguration:
    """What facts are judged by: rules, decisions of staff, and the keys of sources by id."""

    history: RulesHistory
    decisions: Decisions
    source_keys: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class StoredIdentifier:
    """One identifier as it is stored."""

    id: int
    ref: Ref
    profile_id: int | None
    component: int
    is_vouched: bool
    since: date
    released_seq: int | None = None
    alone_seq: int | None = None
    is_quarantined: bool = field(default=False, kw_only=True)

    def is_released_at(self, seq: int) -> bool:
        """Whether staff had ended all quarantines of the identifier before this fact."""
        return self.released_seq is not None and self.released_seq < seq


class StoredFact(NamedTuple):
    """One fact, and one of the components that it names."""

    component: int
    seq: int
    identifier_ids: list[int]
    source_id: int
    trust: int
    day: date
    judged_by: int | None = None


def replay_facts(
    facts: Sequence[StoredFact],
    stored_identifiers: Mapping[int, StoredIdentifier],
    configuration: IdentityConfiguration,
    components: Collection[int],
) -> IdentityState:
    """Apply those of the facts that belong to the components, in order of `seq`.

    A fact may name a quarantined identifier of another component. It belongs to the component of
    its other identifiers, and `stored_identifiers` must have all that the facts name.
    """
    state = IdentityState(count(1).__next__)
    seqs = quarantine_seqs(stored_identifiers)
    of_profiles = refs_of_profiles(stored_identifiers.values())
    released: set[int] = set()
    for fact in facts:
        ruleset = configuration.history.at(fact.seq, fact.judged_by)
        identifiers = usable_identifiers(fact, stored_identifiers, ruleset)
        quarantined = [
            identifier
            for identifier in identifiers
            if is_quarantined_at(identifier, fact.seq, seqs.get(identifier.id, ()))
        ]
        if component_of(identifiers, quarantined, ruleset.rules.rank) in components:
            end_quarantines(state, identifiers, fact.seq, released)
            stand_alone(state, identifiers, fact.seq)
            for identifier in quarantined:
                state.quarantine(identifier.ref)
                # Also where the facts that made it wanted are erased.
                set_apart(state, identifier.ref)
            assign_public_uuids(state, identifiers, of_profiles, fact.day)
            judge(state, fact, identifiers, ruleset.rules, configuration)
    inside = [row for row in stored_identifiers.values() if row.component in components]
    stand_alone(state, inside, None)
    return state


def stand_alone(
    state: IdentityState, identifiers: Iterable[StoredIdentifier], seq: int | None
) -> None:
    """Give a profile of its own to each identifier that had one before this fact, or by now."""
    for identifier in identifiers:
        alone_seq = identifier.alone_seq
        is_due = alone_seq is not None and (seq is None or alone_seq < seq)
        if is_due and state.assignment_of(identifier.ref) is None:
            state.assign(identifier.ref, state.allocate(), False, identifier.since)


def component_of(
    identifiers: Sequence[StoredIdentifier],
    quarantined: Sequence[StoredIdentifier],
    rank: Callable[[Ref], Any],
) -> int | None:
    """Return the component of a fact: that of its other identifiers, where some are quarantined."""
    usable = [identifier for identifier in identifiers if identifier not in quarantined]
    ranked = usable or sorted(quarantined, key=lambda identifier: rank(identifier.ref))
    return ranked[0].component if ranked else None


def end_quarantines(
    state: IdentityState, identifiers: Iterable[StoredIdentifier], seq: int, released: set[int]
) -> None:
    """End the quarantines that were over at this fact, each once."""
    for identifier in identifiers:
        if identifier.is_released_at(seq) and identifier.id not in released:
            state.release(identifier.ref)
            released.add(identifier.id)


def judge(
    state: IdentityState,
    stored_fact: StoredFact,
    identifiers: Iterable[StoredIdentifier],
    rules: Rules,
    configuration: IdentityConfiguration,
) -> Outcome:
    """Apply one stored fact, with those of its identifiers that are usable."""
    refs = tuple(identifier.ref for identifier in identifiers)
    source = configuration.source_keys[stored_fact.source_id]
    fact = Fact(stored_fact.seq, refs, source, Trust(stored_fact.trust), stored_fact.day)
    return apply_fact(state, fact, rules, configuration.decisions)


def usable_identifiers(
    fact: StoredFact, stored: Mapping[int, StoredIdentifier], ruleset: Ruleset
) -> list[StoredIdentifier]:
    """Return the identifiers of a fact that are still stored and that the rules do not block."""
    # Erased identifiers are no longer stored.
    named = (stored[pk] for pk in fact.identifier_ids if pk in stored)
    return [identifier for identifier in named if not ruleset.blocks(identifier.ref)]


def refs_of_profiles(identifiers: Iterable[StoredIdentifier]) -> Mapping[int, Sequence[Ref]]:
    """Return the identifiers of each stored profile."""
    refs: dict[int, list[Ref]] = defaultdict(list)
    for identifier in identifiers:
        if identifier.profile_id is not None:
            refs[identifier.profile_id].append(identifier.ref)
    return refs


def assign_public_uuids(
    state: IdentityState,
    identifiers: Sequence[StoredIdentifier],
    of_profiles: Mapping[int, Sequence[Ref]],
    day: date,
) -> None:
    """Assign the public UUIDs that a fact names and that no fact gave to a profile.

    A UUID goes to the oldest replayed profile that has any identifier of its stored profile.
    """
    for identifier in identifiers:
        if identifier.ref.namespace == PROFILE and state.profile_of(identifier.ref) is None:
            others = of_profiles.get(identifier.profile_id or 0, ())
            profiles = {state.profile_of(other) for other in others}
            if existing := [profile for profile in profiles if profile]:
                state.assign(identifier.ref, min(existing), False, day)


def read_configuration() -> IdentityConfiguration:
    """Read the rules, decisions and source keys from the database."""
    standing = IdentityDecision.objects.filter(ended_at=None).prefetch_related("one", "other")
    decisions = Decisions(_verdict(decision) for decision in standing)
    return IdentityConfiguration(
        load_history(), decisions, dict(Source.objects.values_list("pk", "key"))
    )


def _verdict(decision: IdentityDecision) -> Verdict:
    return Verdict(
        Ref(decision.one.namespace, decision.one.value),
        Ref(decision.other.namespace, decision.other.value),
        decision.pk,
        decision.verdict == DecisionVerdict.SAME,
        decision.is_of_staff,
    )


def stored_identifiers(identifiers: QuerySet[Identifier]) -> dict[int, StoredIdentifier]:
    """Load identifiers by id."""
    fields = (
        *("pk", "namespace", "value", "quarantined_at"),
        *("profile_id", "component", "is_vouched", "since", "released_seq", "alone_seq"),
    )
    return {
        pk: StoredIdentifier(pk, Ref(namespace, value), *rest, is_quarantined=at is not None)
        for pk, namespace, value, at, *rest in identifiers.values_list(*fields)
    }


def is_quarantined_at(identifier: StoredIdentifier, seq: int, quarantines: Iterable[int]) -> bool:
    """Whether an earlier fact quarantined the identifier, and staff did not release it since."""
    released_seq = identifier.released_seq if identifier.is_released_at(seq) else None
    return any(
        quarantine < seq and (released_seq is None or quarantine > released_seq)
        for quarantine in quarantines
    )


def quarantine_seqs(identifier_ids: Collection[int]) -> dict[int, list[int]]:
    """Return the `seq`s of the facts that quarantined each identifier; later ones leave it out."""
    outcomes = IdentityOutcome.objects.filter(
        any_of("identifier_id", identifier_ids), rule="quarantine"
    )
    seqs: dict[int, list[int]] = defaultdict(list)
    for identifier_id, seq in outcomes.values_list("identifier_id", "fact__seq"):
        seqs[identifier_id].append(seq)
    return seqs
