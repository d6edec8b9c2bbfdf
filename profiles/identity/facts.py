"""Stored facts as evidence: which identifiers each of them still ties together.

Invariant: an identifier that a rule took out of a fact is tied to nothing by it. This is the one
place that says which outcomes take an identifier out; a rule added to the engine counts here at
once.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from profiles.identity.engine import RefusalRule
from profiles.models import IdentityFact, IdentityOutcome, TrustLevel

REFUSALS = [rule.value for rule in RefusalRule]


class Effect(StrEnum):
    """What a fact did with identifiers that it kept, beside naming them together."""

    MERGE = "merge"
    TAKEOVER = "takeover"
    QUARANTINE = "quarantine"
    PUSHED_OUT = "pushed_out"


class MergeRule(StrEnum):
    """Why a profile absorbed another."""

    SHARED = "shared identifier"
    DECISION = "decision"
    RULES = "rules"  # other rules were made to stand from the start
    ERASURE = "erasure"  # an erased identifier kept them apart


class FactEvidence(NamedTuple):
    """A fact, and those of its identifiers that no rule took out of it."""

    fact: IdentityFact
    identifier_ids: list[int]


def facts_naming(
    identifier_ids: Iterable[int], *, least_trust: TrustLevel = TrustLevel.CLAIM
) -> Iterator[FactEvidence]:
    """Yield the facts of this trust or more that name any of the identifiers, oldest first.

    Two queries.
    """
    facts = list(
        IdentityFact.objects.filter(
            identifier_ids__overlap=list(identifier_ids), trust__gte=least_trust
        )
        .select_related("source")
        .order_by("seq")
    )
    refused = set(
        IdentityOutcome.objects.filter(fact__in=facts, rule__in=REFUSALS).values_list(
            "fact_id", "identifier_id"
        )
    )
    for fact in facts:
        kept = [
            identifier_id
            for identifier_id in fact.identifier_ids
            if (fact.pk, identifier_id) not in refused
        ]
        yield FactEvidence(fact, kept)
