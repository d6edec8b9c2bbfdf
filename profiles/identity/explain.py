"""Explaining why two identifiers belong to one profile: the facts that connect them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from profiles.identity.facts import REFUSALS, facts_naming
from profiles.models import Identifier, IdentityFact, IdentityOutcome, TrustLevel


@dataclass(frozen=True, slots=True)
class FactStep:
    """Two identifiers that one fact names together. `rule` is what the fact did with them."""

    origin: Identifier
    target: Identifier
    source: str
    trust: str
    day: date
    rule: str


def path_of_facts(start: Identifier, end: Identifier) -> list[FactStep] | None:
    """Find the shortest path of facts between two identifiers, or None if no facts connect them.

    Of equally short paths it is the one of the oldest facts. A breadth-first search with two
    queries for each step of the path.
    """
    reached_by: dict[int, tuple[int, IdentityFact]] = {}
    seen, frontier = {start.pk}, {start.pk}
    while frontier and end.pk not in seen:
        reached: dict[int, tuple[int, IdentityFact]] = {}
        for fact, kept in facts_naming(frontier):
            origin = next(
                (identifier_id for identifier_id in kept if identifier_id in frontier), None
            )
            if origin is None:
                # A rule dropped from this fact the identifiers by which it was found.
                continue
            for identifier_id in kept:
                if identifier_id not in seen:
                    # Facts come oldest first, and the first one stays.
                    reached.setdefault(identifier_id, (origin, fact))
        reached_by |= reached
        seen |= reached.keys()
        frontier = set(reached)
    return _steps(reached_by, start.pk, end.pk) if end.pk in seen else None


def _steps(
    reached_by: Mapping[int, tuple[int, IdentityFact]], start: int, end: int
) -> list[FactStep]:
    """Walk back from the end and return the steps from the start."""
    hops: list[tuple[int, int, IdentityFact]] = []
    while end != start:
        origin, fact = reached_by[end]
        hops.append((origin, end, fact))
        end = origin
    identifiers = Identifier.objects.in_bulk(
        {identifier_id for hop in hops for identifier_id in hop[:2]}
    )
    rules = _rules_of([fact for _, _, fact in hops])
    return [
        FactStep(
            identifiers[origin],
            identifiers[target],
            fact.source.key,
            TrustLevel(fact.trust).api_name,
            fact.day,
            rules.get((fact.pk, target)) or rules.get((fact.pk, origin)) or "seen together",
        )
        for origin, target, fact in reversed(hops)
    ]


def _rules_of(facts: Sequence[IdentityFact]) -> dict[tuple[int, int], str]:
    """Return what facts did to identifiers beside keeping them, by (fact, identifier)."""
    outcomes = IdentityOutcome.objects.filter(fact__in=facts).exclude(rule__in=REFUSALS)
    # Newest first, so that the oldest outcome of a pair is the one that stays.
    return {
        (outcome.fact_id, outcome.identifier_id): outcome.rule
        for outcome in outcomes.order_by("-pk")
    }
