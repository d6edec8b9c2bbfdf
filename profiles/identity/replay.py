"""Stored facts folded again from nothing, component by component: what merges, splits and checks are measured by."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import count
from typing import NamedTuple

from django.db.models import Min, QuerySet

from profiles.identifiers.references import Ref
from profiles.identity.engine import (
    PROFILE,
    Decisions,
    Fact,
    IdentityState,
    Rules,
    Trust,
    apply_fact,
)
from profiles.identity.rules import load_rules
from profiles.models import (
    Identifier,
    IdentityDecision,
    IdentityOutcome,
    Source,
)


@dataclass(frozen=True, slots=True)
class IdentityConfiguration:
    """What facts are judged by, read once."""

    rules: Rules
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


class StoredFact(NamedTuple):
    """One fact, beside one of the components that it names."""

    component: int
    seq: int
    identifier_ids: list[int]
    source_id: int
    trust: int
    day: date


def replay_facts(
    facts: Sequence[StoredFact],
    stored_identifiers: Mapping[int, StoredIdentifier],
    judge: IdentityConfiguration,
    home: Collection[int],
) -> IdentityState:
    """The people that facts make, in order of `seq`, of the components in `home`.

    A fact may name identifiers of another component, if they were quarantined before it: it belongs to the others.
    """
    state = IdentityState(count(1).__next__)
    sealed = _quarantined_by(stored_identifiers)
    for fact in facts:
        known = [
            stored_identifiers[number]
            for number in fact.identifier_ids
            if number in stored_identifiers
        ]
        quarantined = [one for one in known if sealed.get(one.id, fact.seq) < fact.seq]
        usable = [one for one in known if one not in quarantined]
        ranked = usable or sorted(quarantined, key=lambda one: judge.rules.rank(one.ref))
        if ranked and ranked[0].component in home:
            for one in quarantined:
                state.quarantine(one.ref)
            _hold_public_uuids(state, known, stored_identifiers.values(), fact.day)
            _apply(state, fact, known, judge)
    return state


def _apply(
    state: IdentityState,
    fact: StoredFact,
    known: Sequence[StoredIdentifier],
    judge: IdentityConfiguration,
) -> None:
    refs = tuple(one.ref for one in known)
    source = judge.source_keys[fact.source_id]
    told = Fact(fact.seq, refs, source, Trust(fact.trust), fact.day)
    apply_fact(state, told, judge.rules, judge.decisions)


def _hold_public_uuids(
    state: IdentityState,
    known: Sequence[StoredIdentifier],
    stored_identifiers: Collection[StoredIdentifier],
    day: date,
) -> None:
    """No fact gives a profile its UUID; where one names it, it is the oldest profile that is part of its holder now."""
    for one in known:
        if one.ref.namespace == PROFILE and state.profile_of(one.ref) is None:
            holders = {
                state.profile_of(other.ref)
                for other in stored_identifiers
                if other.profile_id == one.profile_id
            }
            if found := holders - {None}:
                state.hold(one.ref, min(number for number in found if number), False, day)


def read_configuration() -> IdentityConfiguration:
    pairs = IdentityDecision.objects.select_related("one", "other")
    decisions = Decisions(
        (Ref(pair.one.namespace, pair.one.value), Ref(pair.other.namespace, pair.other.value))
        for pair in pairs
    )
    return IdentityConfiguration(
        load_rules(), decisions, dict(Source.objects.values_list("pk", "key"))
    )


def stored_identifiers(identifiers: QuerySet[Identifier]) -> dict[int, StoredIdentifier]:
    fields = ("pk", "namespace", "value", "profile_id", "component", "is_vouched", "since")
    rows = identifiers.values_list(*fields)
    return {
        number: StoredIdentifier(number, Ref(namespace, value), *rest)
        for number, namespace, value, *rest in rows
    }


def _quarantined_by(stored_identifiers: Collection[int]) -> dict[int, int]:
    """By the fact of which number an identifier was quarantined; from the next one on it is left out."""
    outcomes = IdentityOutcome.objects.filter(
        identifier__in=list(stored_identifiers), rule="quarantine"
    )
    return dict(outcomes.values_list("identifier_id").annotate(Min("fact__seq")))
