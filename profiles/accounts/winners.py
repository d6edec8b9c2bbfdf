"""The traits of an account: of each the newest statement of the most trusted level.

Invariant: winners are a function of the set of statements in the account's records, whatever the
order in which they come. A winning null removes the trait.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from profiles.lib import exact_json

# Of one account, and of what one identifier states of it. A client writes the keys.
MAX_TRAITS = 500


class Winner(NamedTuple):
    """The statement that gives a trait of an account its value. `at` is in epoch microseconds."""

    value: Any
    at: int
    arrival: int
    trust: int
    source_id: int
    identifier_id: int


Winners = Mapping[str, Winner]


def join_winners(winners: Winners, statements: Iterable[tuple[str, Winner]]) -> Winners:
    """Return the winners after further statements.

    Of more than `MAX_TRAITS` traits the most trusted are kept, then the first by their key.
    """
    joined = dict(winners)
    for key, statement in statements:
        if key not in joined or _rank(statement) > _rank(joined[key]):
            joined[key] = statement
    best = sorted(joined, key=lambda key: (-joined[key].trust, key))[:MAX_TRAITS]
    return {key: joined[key] for key in sorted(best)}


def traits_of(winners: Winners) -> dict[str, Any]:
    """Return the values that winners give."""
    return {key: winner.value for key, winner in winners.items() if winner.value is not None}


def within_limit(record: Mapping[str, Any], traits: Mapping[str, Any]) -> dict[str, Any]:
    """Return the traits that a record takes: those it has, and new ones while it is not full."""
    room = MAX_TRAITS - len(record)
    new = sorted(key for key in traits if key not in record)[: max(room, 0)]
    return {key: value for key, value in traits.items() if key in record or key in new}


def _rank(winner: Winner) -> tuple[Any, ...]:
    """Return a sort key that is highest for the winner and different for different values."""
    text = exact_json.dumps_sorted(winner.value)
    return (winner.trust, winner.at, winner.arrival, text, winner.source_id, winner.identifier_id)
