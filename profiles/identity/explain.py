"""Explaining why two identifiers belong to one profile: what connects them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Q, QuerySet

from profiles.identity.facts import REFUSALS, facts_naming
from profiles.models import (
    DecisionVerdict,
    Identifier,
    IdentityDecision,
    IdentityFact,
    IdentityOutcome,
    TrustLevel,
)

# The identifier from which another was reached, and by what.
Hop = tuple[int, IdentityFact | IdentityDecision]


@dataclass(frozen=True, slots=True)
class FactStep:
    """Two identifiers that one fact names together. `rule` is what the fact did with them.

    A verdict is a step too: its source is "decision", and it is of the trust of staff.
    """

    origin: Identifier
    target: Identifier
    source: str
    trust: str
    day: date
    rule: str


def path_of_facts(start: Identifier, end: Identifier) -> list[FactStep] | None:
    """Find the shortest path of facts and verdicts between two identifiers, or None.

    Of equally short paths it is the one of the oldest facts. A breadth-first search with three
    queries for each step of the path.
    """
    reached_by: dict[int, Hop] = {}
    seen, frontier = {start.pk}, {start.pk}
    while frontier and end.pk not in seen:
        reached: dict[int, Hop] = {}
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
        for decision in _verdicts_of_same(frontier):
            pair = (decision.one_id, decision.other_id)
            origin, target = pair if pair[0] in frontier else pair[::-1]
            if target not in seen:
                reached.setdefault(target, (origin, decision))
        reached_by |= reached
        seen |= reached.keys()
        frontier = set(reached)
    return _steps(reached_by, start.pk, end.pk) if end.pk in seen else None


def _verdicts_of_same(identifier_ids: Collection[int]) -> QuerySet[IdentityDecision]:
    standing = IdentityDecision.objects.filter(verdict=DecisionVerdict.SAME, ended_at=None)
    return standing.filter(Q(one__in=identifier_ids) | Q(other__in=identifier_ids)).order_by("pk")


def _steps(reached_by: Mapping[int, Hop], start: int, end: int) -> list[FactStep]:
    """Walk back from the end and return the steps from the start."""
    hops: list[tuple[int, int, IdentityFact | IdentityDecision]] = []
    while end != start:
        origin, reason = reached_by[end]
        hops.append((origin, end, reason))
        end = origin
    identifiers = Identifier.objects.in_bulk(
        {identifier_id for hop in hops for identifier_id in hop[:2]}
    )
    rules = _rules_of([reason for *_, reason in hops if isinstance(reason, IdentityFact)])
    return [
        _step(identifiers[origin], identifiers[target], reason, rules)
        for origin, target, reason in reversed(hops)
    ]


def _step(
    origin: Identifier,
    target: Identifier,
    reason: IdentityFact | IdentityDecision,
    rules: Mapping[tuple[int, int], str],
) -> FactStep:
    if isinstance(reason, IdentityDecision):
        day = reason.decided_at.date()
        return FactStep(origin, target, "decision", TrustLevel.STAFF.api_name, day, "same")
    return FactStep(
        origin,
        target,
        reason.source.key,
        TrustLevel(reason.trust).api_name,
        reason.day,
        rules.get((reason.pk, target.pk)) or rules.get((reason.pk, origin.pk)) or "seen together",
    )


def _rules_of(facts: Sequence[IdentityFact]) -> dict[tuple[int, int], str]:
    """Return what facts did to identifiers beside keeping them, by (fact, identifier)."""
    outcomes = IdentityOutcome.objects.filter(fact__in=facts).exclude(rule__in=REFUSALS)
    # Newest first, so that the oldest outcome of a pair is the one that stays.
    return {
        (outcome.fact_id, outcome.identifier_id): outcome.rule
        for outcome in outcomes.order_by("-pk")
    }
