"""Stored facts folded again from nothing, component by component: what merges, splits and checks are measured by."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import count
from typing import NamedTuple

from django.db.models import Min, QuerySet

from profiles.identifiers.references import Ref
from profiles.identity.engine import PROFILE, Decisions, Fact, Rules, State, Trust, apply
from profiles.identity.rules import load_rules
from profiles.models import (
    Identifier,
    IdentityDecision,
    IdentityOutcome,
    Source,
)


@dataclass(frozen=True, slots=True)
class Judge:
    """What facts are judged by, read once."""

    rules: Rules
    decisions: Decisions
    source_keys: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Named:
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


def replay(
    facts: Sequence[StoredFact], named: Mapping[int, Named], judge: Judge, home: Collection[int]
) -> State:
    """The people that facts make, in order of `seq`, of the components in `home`.

    A fact may name identifiers of another component, if they were quarantined before it: it belongs to the others.
    """
    state = State(count(1).__next__)
    sealed = _quarantined_by(named)
    for fact in facts:
        known = [named[number] for number in fact.identifier_ids if number in named]
        quarantined = [one for one in known if sealed.get(one.id, fact.seq) < fact.seq]
        usable = [one for one in known if one not in quarantined]
        ranked = usable or sorted(quarantined, key=lambda one: judge.rules.rank(one.ref))
        if ranked and ranked[0].component in home:
            for one in quarantined:
                state.quarantine(one.ref)
            _hold_public_uuids(state, known, named.values(), fact.day)
            _apply(state, fact, known, judge)
    return state


def _apply(state: State, fact: StoredFact, known: Sequence[Named], judge: Judge) -> None:
    refs = tuple(one.ref for one in known)
    source = judge.source_keys[fact.source_id]
    told = Fact(fact.seq, refs, source, Trust(fact.trust), fact.day)
    apply(state, told, judge.rules, judge.decisions)


def _hold_public_uuids(
    state: State, known: Sequence[Named], named: Collection[Named], day: date
) -> None:
    """No fact gives a profile its UUID; where one names it, it is the oldest profile that is part of its holder now."""
    for one in known:
        if one.ref.namespace == PROFILE and state.profile_of(one.ref) is None:
            holders = {
                state.profile_of(other.ref) for other in named if other.profile_id == one.profile_id
            }
            if found := holders - {None}:
                state.hold(one.ref, min(number for number in found if number), False, day)


def read_judge() -> Judge:
    pairs = IdentityDecision.objects.select_related("one", "other")
    decisions = Decisions(
        (Ref(pair.one.namespace, pair.one.value), Ref(pair.other.namespace, pair.other.value))
        for pair in pairs
    )
    return Judge(load_rules(), decisions, dict(Source.objects.values_list("pk", "key")))


def named(identifiers: QuerySet[Identifier]) -> dict[int, Named]:
    fields = ("pk", "namespace", "value", "profile_id", "component", "is_vouched", "since")
    rows = identifiers.values_list(*fields)
    return {
        number: Named(number, Ref(namespace, value), *rest)
        for number, namespace, value, *rest in rows
    }


def _quarantined_by(named: Collection[int]) -> dict[int, int]:
    """By the fact of which number an identifier was quarantined; from the next one on it is left out."""
    outcomes = IdentityOutcome.objects.filter(identifier__in=list(named), rule="quarantine")
    return dict(outcomes.values_list("identifier_id").annotate(Min("fact__seq")))
