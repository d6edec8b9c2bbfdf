"""Replaying stored facts from an empty state, component by component.

The result is what unmerges, erasures and `verify_profiles` compare the stored profiles with.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
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
    Trust,
    Verdict,
    apply_fact,
    set_apart,
)
from profiles.identity.rules import RulesHistory, load_history
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
    quarantine_seqs = _quarantine_seqs(stored_identifiers)
    released: set[int] = set()
    for fact in facts:
        # Erased identifiers are no longer stored.
        identifiers = [
            stored_identifiers[identifier_id]
            for identifier_id in fact.identifier_ids
            if identifier_id in stored_identifiers
        ]
        quarantined = [
            identifier
            for identifier in identifiers
            if _is_quarantined_at(identifier, fact.seq, quarantine_seqs.get(identifier.id, ()))
        ]
        rank = configuration.history.at(fact.seq).rank
        if _component(identifiers, quarantined, rank) in components:
            _release(state, identifiers, fact.seq, released)
            _stand_alone(state, identifiers, fact.seq)
            for identifier in quarantined:
                state.quarantine(identifier.ref)
                # Also where the facts that made it wanted are erased.
                set_apart(state, identifier.ref)
            _assign_public_uuids(state, identifiers, stored_identifiers.values(), fact.day)
            _apply(state, fact, identifiers, configuration)
    inside = [row for row in stored_identifiers.values() if row.component in components]
    _stand_alone(state, inside, None)
    return state


def _stand_alone(
    state: IdentityState, identifiers: Iterable[StoredIdentifier], seq: int | None
) -> None:
    """Give a profile of its own to each identifier that had one before this fact, or by now."""
    for identifier in identifiers:
        alone_seq = identifier.alone_seq
        is_due = alone_seq is not None and (seq is None or alone_seq < seq)
        if is_due and state.assignment_of(identifier.ref) is None:
            state.assign(identifier.ref, state.allocate(), False, identifier.since)


def _component(
    identifiers: Sequence[StoredIdentifier],
    quarantined: Sequence[StoredIdentifier],
    rank: Callable[[Ref], Any],
) -> int | None:
    """Return the component of a fact: that of its other identifiers, where some are quarantined."""
    usable = [identifier for identifier in identifiers if identifier not in quarantined]
    ranked = usable or sorted(quarantined, key=lambda identifier: rank(identifier.ref))
    return ranked[0].component if ranked else None


def _release(
    state: IdentityState, identifiers: Iterable[StoredIdentifier], seq: int, released: set[int]
) -> None:
    """End the quarantines that were over at this fact, each once."""
    for identifier in identifiers:
        if identifier.is_released_at(seq) and identifier.id not in released:
            state.release(identifier.ref)
            released.add(identifier.id)


def _apply(
    state: IdentityState,
    stored_fact: StoredFact,
    identifiers: Sequence[StoredIdentifier],
    configuration: IdentityConfiguration,
) -> None:
    refs = tuple(identifier.ref for identifier in identifiers)
    source = configuration.source_keys[stored_fact.source_id]
    fact = Fact(stored_fact.seq, refs, source, Trust(stored_fact.trust), stored_fact.day)
    apply_fact(state, fact, configuration.history.at(fact.seq), configuration.decisions)


def _assign_public_uuids(
    state: IdentityState,
    identifiers: Sequence[StoredIdentifier],
    stored_identifiers: Collection[StoredIdentifier],
    day: date,
) -> None:
    """Assign the public UUIDs that a fact names and that no fact gave to a profile.

    A UUID goes to the oldest replayed profile that has any identifier of its stored profile.
    """
    for identifier in identifiers:
        if identifier.ref.namespace == PROFILE and state.profile_of(identifier.ref) is None:
            profiles = {
                state.profile_of(other.ref)
                for other in stored_identifiers
                if other.profile_id == identifier.profile_id
            }
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
        *("pk", "namespace", "value", "profile_id", "component", "is_vouched", "since"),
        "released_seq",
        "alone_seq",
    )
    rows = identifiers.values_list(*fields)
    return {
        identifier_id: StoredIdentifier(identifier_id, Ref(namespace, value), *rest)
        for identifier_id, namespace, value, *rest in rows
    }


def _is_quarantined_at(identifier: StoredIdentifier, seq: int, quarantines: Iterable[int]) -> bool:
    """Whether an earlier fact quarantined the identifier, and staff did not release it since."""
    released_seq = identifier.released_seq if identifier.is_released_at(seq) else None
    return any(
        quarantine < seq and (released_seq is None or quarantine > released_seq)
        for quarantine in quarantines
    )


def _quarantine_seqs(identifier_ids: Collection[int]) -> dict[int, list[int]]:
    """Return the `seq`s of the facts that quarantined each identifier; later ones leave it out."""
    outcomes = IdentityOutcome.objects.filter(
        identifier__in=list(identifier_ids), rule="quarantine"
    )
    seqs: dict[int, list[int]] = defaultdict(list)
    for identifier_id, seq in outcomes.values_list("identifier_id", "fact__seq"):
        seqs[identifier_id].append(seq)
    return seqs
