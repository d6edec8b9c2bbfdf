"""Why: which statement gives a trait its value, and by which facts two identifiers came to be one person's.

Invariant: read from what the golden traits and the profiles derive from, and never from notes kept beside them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

import msgspec

from profiles.golden import CONTACT_TRAITS, Policy, Statement, encode, judge
from profiles.models import (
    Identifier,
    IdentityFact,
    IdentityOutcome,
    Profile,
    Source,
    TraitLock,
    TrustLevel,
)
from profiles.normalisers import InvalidIdentifier
from profiles.querysets import REFUSALS
from profiles.services.people import parse_reference
from profiles.services.traits import load_known, source_priorities, statements_of, trait_policies


class Decider(StrEnum):
    """What settles a trait's value."""

    SOURCE = "source"  # the statement that wins by the trait's policy
    IDENTIFIER = "identifier"  # an address or number that the profile holds
    LOCK = "lock"  # a rectification


@dataclass(frozen=True, slots=True)
class Said:
    """One source's statement of a trait."""

    value: Any
    source: str
    trust: str
    said_at: datetime


@dataclass(frozen=True, slots=True)
class TraitExplanation:
    """A golden value (null: none), what settled it, the statement behind it, and those that lost, best first."""

    key: str
    value: Any
    decided_by: Decider
    policy: Policy
    winner: Said | None
    losers: Sequence[Said]
    lock: TraitLock | None


@dataclass(frozen=True, slots=True)
class Step:
    """Two identifiers that one fact names together. `rule` says what the fact did beside that."""

    one: Identifier
    other: Identifier
    source: str
    trust: str
    day: date
    rule: str


def explain_traits(profile: Profile) -> dict[str, TraitExplanation]:
    """Every trait that anybody ever gave the profile, by key. Seven queries."""
    statements = statements_of(load_known([profile.pk]), source_priorities()).get(profile.pk, {})
    locks = {lock.key: lock for lock in TraitLock.objects.filter(profile=profile)}
    policies, sources = trait_policies(), dict(Source.objects.values_list("pk", "key"))
    return {
        key: _explain(
            key,
            profile.traits.get(key),
            [*_ranked(statements.get(key, ()), policies.get(key, Policy.MOST_TRUSTED), sources)],
            policies.get(key, Policy.MOST_TRUSTED),
            locks.get(key),
        )
        for key in sorted(statements.keys() | locks.keys() | profile.traits.keys())
    }


def path_of_facts(one: Identifier, other: Identifier) -> list[Step] | None:
    """The shortest path of facts from one identifier to the other; None where no facts join them.

    Of equally short paths the one of the oldest facts. Two queries for each step of the way.
    """
    came_by: dict[int, tuple[int, IdentityFact]] = {}
    seen, frontier = {one.pk}, {one.pk}
    while frontier and other.pk not in seen:
        reached: dict[int, tuple[int, IdentityFact]] = {}
        for fact, kept in _facts_of(frontier):
            origin = next((number for number in kept if number in frontier), None)
            for number in kept if origin is not None else ():
                if number not in seen:
                    reached.setdefault(number, (origin, fact))
        came_by |= reached
        seen |= reached.keys()
        frontier = set(reached)
    return _steps(came_by, one.pk, other.pk) if other.pk in seen else None


def _ranked(
    statements: Sequence[Statement], policy: Policy, sources: Mapping[int, str]
) -> Iterator[Said]:
    """As people read them, the winner first."""
    if not statements:
        return
    verdict = judge(statements, policy)
    for said in (verdict.winner, *verdict.losers):
        yield Said(
            plain(said.value),
            sources[said.source_id],
            trust_name(said.trust),
            datetime.fromtimestamp(said.at / 1_000_000, UTC),
        )


def _explain(
    key: str, value: Any, ranked: list[Said], policy: Policy, lock: TraitLock | None
) -> TraitExplanation:
    if lock is not None:
        return TraitExplanation(key, value, Decider.LOCK, policy, None, ranked, lock)
    if key in CONTACT_TRAITS:
        winner = next((said for said in ranked if _spells(key, said.value, value)), None)
        losers = [said for said in ranked if said is not winner]
        return TraitExplanation(key, value, Decider.IDENTIFIER, policy, winner, losers, None)
    winner = ranked[0] if ranked else None
    return TraitExplanation(key, value, Decider.SOURCE, policy, winner, ranked[1:], None)


def _spells(namespace: str, said: Any, value: Any) -> bool:
    """Whether a source meant this address or number, however it wrote it."""
    try:
        return isinstance(said, str) and parse_reference(f"{namespace}:{said}").value == value
    except InvalidIdentifier:
        return False


def _facts_of(identifier_ids: Iterable[int]) -> Iterator[tuple[IdentityFact, list[int]]]:
    """The facts that name any of these, oldest first, with the identifiers that no rule took out of them."""
    facts = list(
        IdentityFact.objects.filter(identifier_ids__overlap=list(identifier_ids))
        .select_related("source")
        .order_by("seq")
    )
    refused = set(
        IdentityOutcome.objects.filter(fact__in=facts, rule__in=REFUSALS).values_list(
            "fact_id", "identifier_id"
        )
    )
    for fact in facts:
        yield fact, [number for number in fact.identifier_ids if (fact.pk, number) not in refused]


def _steps(came_by: Mapping[int, tuple[int, IdentityFact]], start: int, end: int) -> list[Step]:
    hops: list[tuple[int, int, IdentityFact]] = []
    while end != start:
        origin, fact = came_by[end]
        hops.append((origin, end, fact))
        end = origin
    names = Identifier.objects.in_bulk({number for hop in hops for number in hop[:2]})
    rules = _rules_of([fact for _, _, fact in hops])
    return [
        Step(
            names[origin],
            names[target],
            fact.source.key,
            trust_name(fact.trust),
            fact.day,
            rules.get((fact.pk, target)) or rules.get((fact.pk, origin)) or "seen together",
        )
        for origin, target, fact in reversed(hops)
    ]


def _rules_of(facts: Sequence[IdentityFact]) -> dict[tuple[int, int], str]:
    """What facts did to identifiers beside naming them: by (fact, identifier)."""
    outcomes = IdentityOutcome.objects.filter(fact__in=facts).exclude(rule__in=REFUSALS)
    return {(row.fact_id, row.identifier_id): row.rule for row in outcomes.order_by("-pk")}


def trust_name(trust: int) -> str:
    """`claim`, `server`, `verified` or `staff`."""
    return TrustLevel(trust).name.lower()


def plain(value: Any) -> Any:
    """The same JSON with the number types that answers are written from."""
    return msgspec.json.decode(encode(value))
