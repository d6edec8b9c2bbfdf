"""By which facts two identifiers came to be one person's."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from profiles.models import (
    Identifier,
    IdentityFact,
    IdentityOutcome,
    TrustLevel,
)
from profiles.reads import REFUSALS


@dataclass(frozen=True, slots=True)
class FactStep:
    """Two identifiers that one fact names together. `rule` says what the fact did beside that."""

    one: Identifier
    other: Identifier
    source: str
    trust: str
    day: date
    rule: str


def path_of_facts(one: Identifier, other: Identifier) -> list[FactStep] | None:
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


def _steps(came_by: Mapping[int, tuple[int, IdentityFact]], start: int, end: int) -> list[FactStep]:
    hops: list[tuple[int, int, IdentityFact]] = []
    while end != start:
        origin, fact = came_by[end]
        hops.append((origin, end, fact))
        end = origin
    names = Identifier.objects.in_bulk({number for hop in hops for number in hop[:2]})
    rules = _rules_of([fact for _, _, fact in hops])
    return [
        FactStep(
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
