"""Golden traits: one value per trait, chosen from all statements by the trait's policy.

Invariant: the result depends on the set of statements and not on the order in which they are
folded; of equal times, the message that arrived last wins. A winning null removes the trait.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple

from profiles.lib import exact_json

# Traits whose golden value must be an identifier of the profile, by their namespace.
CONTACT_TRAITS = ("email", "phone")


class Policy(StrEnum):
    """How the golden value of a trait is chosen. The values are those of TraitDefinition.Policy."""

    MOST_TRUSTED = "most_trusted"
    NEWEST = "newest"
    SOURCE_ORDER = "source_order"
    FIRST = "first"
    NOT_EMPTY = "not_empty"


class Statement(NamedTuple):
    """The value that one source gives one trait. `at` is in epoch microseconds.

    `arrival` is the place of its message among all that arrived, and 0 where nobody noted it.
    """

    value: Any
    at: int
    arrival: int
    trust: int
    source_id: int
    source_priority: int
    identifier_id: int


class Contact(NamedTuple):
    """An e-mail address or telephone number among the profile's identifiers."""

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


def merge_record(record: dict[str, Any], traits: Mapping[str, Any], at: int, arrival: int) -> bool:
    """Put newer values into a record `{trait: [value, time, arrival]}`; return if it changed."""
    changed = False
    for key, value in traits.items():
        stored = record.get(key)
        if stored is None or _is_later(value, at, arrival, *stored):
            record[key] = [value, at, arrival]
            changed = True
    return changed


def _is_later(
    value: Any, at: int, arrival: int, stored_value: Any, stored_at: int, stored_arrival: int = 0
) -> bool:
    if (at, arrival) != (stored_at, stored_arrival):
        return (at, arrival) > (stored_at, stored_arrival)
    # Of two values of one message the same one must win, whichever is merged first.
    return exact_json.dumps_sorted(value) > exact_json.dumps_sorted(stored_value)


def rank_statements(statements: Iterable[Statement], policy: Policy) -> RankedStatements:
    """Rank one or more statements of a trait by its policy."""
    ranked = sorted(statements, key=lambda statement: _rank(statement, policy), reverse=True)
    return RankedStatements(ranked[0], ranked[1:])


def golden_traits(
    statements: Mapping[str, Sequence[Statement]],
    locks: Mapping[str, Lock],
    policies: Mapping[str, Policy],
    contacts: Sequence[Contact],
    computed: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the golden record of one profile, given its statements by trait.

    E-mail and phone come only from identifiers of the profile, so that a claim about somebody
    else's address appears nowhere. `computed` has each computed trait, None where the profile has
    no value: what sources say of these does not count.
    """
    golden = {
        key: stated[0].value
        if len(stated) == 1  # most traits have one statement: spare them the ranking
        else rank_statements(stated, policies.get(key, Policy.MOST_TRUSTED)).winner.value
        for key, stated in statements.items()
    }
    for namespace in CONTACT_TRAITS:
        golden[namespace] = _best_contact(golden.get(namespace), namespace, contacts)
    golden.update(computed)
    # Last, since a rectification stands against everything else.
    golden.update(
        {key: lock.value for key, lock in locks.items() if holds_lock(key, lock.value, contacts)}
    )
    return {key: value for key, value in golden.items() if value is not None}


def holds_lock(key: str, value: Any, contacts: Sequence[Contact]) -> bool:
    """Whether a correction counts: of an address or number only while the profile has it."""
    if key not in CONTACT_TRAITS or value is None:
        return True
    return any((contact.namespace, contact.value) == (key, value) for contact in contacts)


def _rank(statement: Statement, policy: Policy) -> tuple[Any, ...]:
    """Return a sort key that is highest for the winner and different for different values."""
    text = exact_json.dumps_sorted(statement.value)
    match policy:
        case Policy.MOST_TRUSTED:
            return (statement.trust, statement.at, statement.arrival, text)
        case Policy.NEWEST:
            return (statement.at, statement.trust, statement.arrival, text)
        case Policy.SOURCE_ORDER:
            rank = (-statement.source_priority, statement.at, statement.trust)
            return (*rank, statement.arrival, text)
        case Policy.FIRST:
            # A null takes a value back; it must not be the first value known.
            rank = (statement.value is not None, -statement.at, statement.trust)
            return (*rank, -statement.arrival, text)
        case Policy.NOT_EMPTY:
            rank = (not is_empty(statement.value), statement.trust, statement.at)
            return (*rank, statement.arrival, text)


def is_empty(value: Any) -> bool:
    """Whether a value says nothing: null, a blank text, a list or an object of nothing."""
    return value in (None, [], {}) or (isinstance(value, str) and not value.strip())


def _best_contact(stated: Any, namespace: str, contacts: Sequence[Contact]) -> str | None:
    """Choose among the contacts: vouched ones first, then the stated value, then the newest."""
    candidates = [contact for contact in contacts if contact.namespace == namespace]
    if not candidates:
        return None
    spelling = stated.strip().lower() if isinstance(stated, str) else None
    best = max(
        candidates,
        key=lambda contact: (
            contact.is_vouched,
            contact.value == spelling,
            contact.since,
            contact.value,
        ),
    )
    return best.value
