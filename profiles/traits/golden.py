"""Golden traits: one value per trait, folded from what all sources say by the trait's policy.

Invariant: a function of the set of statements, whatever their order of arrival; equal times are settled by the value's own
spelling. A winning null removes the trait.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple

from profiles.lib import exact_json

CONTACT_TRAITS = ("email", "phone")


class Policy(StrEnum):
    """How the golden value of a trait is chosen; the words are those of the trait definitions."""

    MOST_TRUSTED = "most_trusted"
    NEWEST = "newest"
    SOURCE_ORDER = "source_order"
    FIRST = "first"


class Statement(NamedTuple):
    """What one source said of one trait. `at` is in epoch microseconds."""

    value: Any
    at: int
    trust: int
    source_id: int
    source_priority: int
    identifier_id: int


class Contact(NamedTuple):
    """An e-mail address or telephone number that the profile holds."""

    namespace: str
    value: str
    is_vouched: bool
    since: date


class Lock(NamedTuple):
    """A rectified value. `at` is in epoch microseconds."""

    value: Any
    at: int


@dataclass(frozen=True, slots=True)
class RankedStatements:
    """The statement that gives a trait its value, and those that lost, best first."""

    winner: Statement
    losers: Sequence[Statement]


def merge_record(record: dict[str, Any], traits: Mapping[str, Any], at: int) -> bool:
    """Take newer values into a record `{trait: [value, time]}`; say whether anything changed."""
    changed = False
    for key, value in traits.items():
        known = record.get(key)
        if (
            known is None
            or known[1] < at
            or (
                known[1] == at
                and exact_json.dumps_sorted(known[0]) < exact_json.dumps_sorted(value)
            )
        ):
            record[key] = [value, at]
            changed = True
    return changed


def rank_statements(statements: Iterable[Statement], policy: Policy) -> RankedStatements:
    """Which statement wins under the policy. There must be at least one."""
    ranked = sorted(statements, key=lambda said: _rank(said, policy), reverse=True)
    return RankedStatements(ranked[0], ranked[1:])


def golden_traits(
    statements: Mapping[str, Sequence[Statement]],
    locks: Mapping[str, Lock],
    policies: Mapping[str, Policy],
    contacts: Sequence[Contact],
) -> dict[str, Any]:
    """The golden record of one profile.

    E-mail and phone come only from identifiers that the profile holds, so that a claim about somebody else's address
    shows nowhere.
    """
    golden = {
        key: said[0].value
        if len(said) == 1
        else rank_statements(said, policies.get(key, Policy.MOST_TRUSTED)).winner.value
        for key, said in statements.items()
    }
    for namespace in CONTACT_TRAITS:
        golden[namespace] = _contact(golden.get(namespace), namespace, contacts)
    golden.update({key: lock.value for key, lock in locks.items()})
    return {key: value for key, value in golden.items() if value is not None}


def _rank(said: Statement, policy: Policy) -> tuple[Any, ...]:
    spelled = exact_json.dumps_sorted(said.value)
    match policy:
        case Policy.MOST_TRUSTED:
            return (said.trust, said.at, spelled)
        case Policy.NEWEST:
            return (said.at, said.trust, spelled)
        case Policy.SOURCE_ORDER:
            return (-said.source_priority, said.at, said.trust, spelled)
        case Policy.FIRST:
            return (said.value is not None, -said.at, said.trust, spelled)


def _contact(said: Any, namespace: str, contacts: Sequence[Contact]) -> str | None:
    """The value said, if the profile holds it; else the vouched, then the latest one that it holds."""
    held = [contact for contact in contacts if contact.namespace == namespace]
    if not held:
        return None
    plain = said.strip().lower() if isinstance(said, str) else None
    best = max(held, key=lambda has: (has.is_vouched, has.value == plain, has.since, has.value))
    return best.value
