"""Why: which statement gives a trait its value, and by which facts two identifiers came to be one person's.

Invariant: read from what the golden traits and the profiles derive from, and never from notes kept beside them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec

from profiles.identifiers.lookup import parse_reference
from profiles.identifiers.normalisers import InvalidIdentifier
from profiles.identity.explain import trust_name
from profiles.lib import exact_json
from profiles.models import (
    Profile,
    Source,
    TraitLock,
)
from profiles.traits.golden import CONTACT_TRAITS, Policy, Statement, rank_statements
from profiles.traits.records import load_records, source_priorities, statements_of, trait_policies


class Decider(StrEnum):
    """What settles a trait's value."""

    SOURCE = "source"  # the statement that wins by the trait's policy
    IDENTIFIER = "identifier"  # an address or number that the profile holds
    LOCK = "lock"  # a rectification


@dataclass(frozen=True, slots=True)
class SourceValue:
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
    winner: SourceValue | None
    losers: Sequence[SourceValue]
    lock: TraitLock | None


def explain_traits(profile: Profile) -> dict[str, TraitExplanation]:
    """Every trait that anybody ever gave the profile, by key. Seven queries."""
    statements = statements_of(load_records([profile.pk]), source_priorities()).get(profile.pk, {})
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


def _ranked(
    statements: Sequence[Statement], policy: Policy, sources: Mapping[int, str]
) -> Iterator[SourceValue]:
    """As people read them, the winner first."""
    if not statements:
        return
    verdict = rank_statements(statements, policy)
    for said in (verdict.winner, *verdict.losers):
        yield SourceValue(
            plain(said.value),
            sources[said.source_id],
            trust_name(said.trust),
            datetime.fromtimestamp(said.at / 1_000_000, UTC),
        )


def _explain(
    key: str, value: Any, ranked: list[SourceValue], policy: Policy, lock: TraitLock | None
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


def plain(value: Any) -> Any:
    """The same JSON with the number types that answers are written from."""
    return msgspec.json.decode(exact_json.dumps_sorted(value))
