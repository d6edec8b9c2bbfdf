"""Explanations of golden traits: the statement behind each value, and the statements that lost.

Invariant: an explanation is derived from the same records and by the same ranking as the golden
value itself, and never read from a note kept beside it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec

from profiles.audit import actor_names
from profiles.identifiers.lookup import parse_reference
from profiles.identifiers.normalisers import InvalidIdentifier
from profiles.lib import exact_json
from profiles.models import Party, Profile, Source, TraitLock, TrustLevel
from profiles.traits.golden import (
    CONTACT_TRAITS,
    Contact,
    Policy,
    Statement,
    holds_lock,
    rank_statements,
)
from profiles.traits.parties import Parties, load_parties
from profiles.traits.records import (
    fold,
    load_records,
    source_priorities,
    statements_of,
    trait_policies,
)

_DEFAULT = Policy.MOST_TRUSTED


class Decider(StrEnum):
    """What decides a trait's value."""

    SOURCE = "source"  # the statement that wins by the trait's policy
    IDENTIFIER = "identifier"  # an e-mail address or telephone number of the profile
    LOCK = "lock"  # a rectification
    COMPUTED = "computed"  # computed from the profile's events


@dataclass(frozen=True, slots=True)
class SourceValue:
    """One source's statement of a trait. `party` is whose data it is."""

    value: Any
    source: str
    trust: str
    party: Party
    said_at: datetime


@dataclass(frozen=True, slots=True)
class Rectification:
    """A correction that locks a trait; `actor` is the name of who made it."""

    actor: str
    reason: str
    locked_at: datetime


@dataclass(frozen=True, slots=True)
class TraitExplanation:
    """A golden value, what decided it, the statement behind it, and the losers, best first.

    `value` is None where the trait is empty.
    """

    key: str
    value: Any
    decided_by: Decider
    policy: Policy
    winner: SourceValue | None
    losers: Sequence[SourceValue]
    lock: Rectification | None


def explain_traits(profile: Profile) -> dict[str, TraitExplanation]:
    """Explain every trait that was ever stated for the profile, by key, in thirteen queries.

    Special ones are among them.
    """
    loaded = load_records([profile.pk], with_special=True)
    statements = statements_of(loaded, source_priorities()).get(profile.pk, {})
    locks = _rectifications(profile, loaded.contacts.get(profile.pk, ()))
    policies, parties = trait_policies(), load_parties()
    sources = dict(Source.objects.values_list("pk", "key"))
    folded = fold(profile.pk, loaded, statements, policies)
    traits = loaded.with_special(profile.pk, folded, profile.traits)
    return {
        key: _explain(
            key,
            traits.get(key),
            [
                _readable(key, statement, sources, parties)
                for statement in _ranked(statements.get(key, ()), policies.get(key, _DEFAULT))
            ],
            policies.get(key, _DEFAULT),
            locks.get(key),
            is_computed=key in loaded.computed_keys,
        )
        for key in sorted(statements.keys() | locks.keys() | traits.keys())
    }


def explain_trait(profile: Profile, key: str) -> TraitExplanation | None:
    """Explain a trait, or a part of one such as `address.city`; None where nobody stated any of it.

    A part is decided with its whole: the winner may have said nothing of it.
    """
    explained = explain_traits(profile)
    steps = key.split(".")
    for length in range(len(steps), 0, -1):
        if (whole := explained.get(".".join(steps[:length]))) is not None:
            return _part(whole, key, steps[length:]) if steps[length:] else whole
    return None


def _part(whole: TraitExplanation, key: str, steps: Sequence[str]) -> TraitExplanation | None:
    stated = [whole.winner, *whole.losers] if whole.winner else list(whole.losers)
    parts = [replace(each, value=_at(each.value, steps)) for each in stated]
    value = _at(whole.value, steps)
    if value is None and all(each.value is None for each in parts):
        return None
    return replace(
        whole,
        key=key,
        value=value,
        winner=parts.pop(0) if whole.winner else None,
        losers=[each for each in parts if each.value is not None],
    )


def _at(value: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _rectifications(profile: Profile, contacts: Sequence[Contact]) -> dict[str, Rectification]:
    locks = [
        lock
        for lock in TraitLock.objects.filter(profile=profile)
        if holds_lock(lock.key, lock.value, contacts)
    ]
    names = actor_names(lock.actor for lock in locks)
    return {
        lock.key: Rectification(names[lock.actor], lock.reason, lock.locked_at) for lock in locks
    }


def _ranked(statements: Sequence[Statement], policy: Policy) -> Iterator[Statement]:
    """Yield the statements, the winner first."""
    if statements:
        ranked = rank_statements(statements, policy)
        yield from (ranked.winner, *ranked.losers)


def _readable(
    key: str, statement: Statement, sources: Mapping[int, str], parties: Parties
) -> SourceValue:
    return SourceValue(
        _with_json_numbers(statement.value),
        sources[statement.source_id],
        TrustLevel(statement.trust).api_name,
        parties.of(key, statement.source_id),
        datetime.fromtimestamp(statement.at / 1_000_000, UTC),
    )


def _explain(
    key: str,
    value: Any,
    ranked: list[SourceValue],
    policy: Policy,
    lock: Rectification | None,
    *,
    is_computed: bool,
) -> TraitExplanation:
    # No statement wins against a rectification, or what events say.
    if lock is not None:
        return TraitExplanation(key, value, Decider.LOCK, policy, None, ranked, lock)
    if is_computed:
        return TraitExplanation(key, value, Decider.COMPUTED, policy, None, ranked, None)
    if key in CONTACT_TRAITS:
        # The value comes from an identifier; a statement of the same address stands beside it.
        winner = next((stated for stated in ranked if _spells(key, stated.value, value)), None)
        losers = [stated for stated in ranked if stated is not winner]
        return TraitExplanation(key, value, Decider.IDENTIFIER, policy, winner, losers, None)
    winner = ranked[0] if ranked else None
    return TraitExplanation(key, value, Decider.SOURCE, policy, winner, ranked[1:], None)


def _spells(namespace: str, stated: Any, value: Any) -> bool:
    """Whether the stated text is another spelling of this address or number."""
    try:
        return isinstance(stated, str) and parse_reference(f"{namespace}:{stated}").value == value
    except InvalidIdentifier:
        return False


def _with_json_numbers(value: Any) -> Any:
    """Return the value with int and float for Decimal, which responses and templates expect."""
    return msgspec.json.decode(exact_json.dumps_sorted(value))
