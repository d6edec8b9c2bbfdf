"""What keeps the data of one person in one unit, by the rules of that unit.

Pure: it knows neither Django nor a database; `tests/oracles/retention.py` is a second, naive one.

Invariant: data go only when no rule of their unit keeps them any more. Each rule keeps them until
its period after its anchor has passed, and where its purpose is no longer lawful for the person, at
most for its grace from then on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from consent.lib.durations import add_duration

# The stored values of Anchor, whose class needs Django.
DATA, LAST_SEEN, LAST_ORDER, WITHDRAWAL = "data", "last_seen", "last_order", "withdrawal"
# Of a purpose that was never lawful for the person.
NEVER: Literal["never"] = "never"


class Terms(NamedTuple):
    """What one rule says; periods are ISO 8601 durations."""

    purpose_id: int
    period: str
    anchor: str
    grace: str


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """What the rules ask of a person.

    `ended` has the purposes that are not lawful for the person: since when, or NEVER.
    """

    last_seen_at: datetime
    last_order_at: datetime | None = None
    ended: Mapping[int, datetime | Literal["never"]] = field(default_factory=dict)


class Keeping(NamedTuple):
    """Rows are kept until the shorter of two durations after their own time has passed."""

    period: str
    grace: str | None = None

    def ends_at(self, at: datetime) -> datetime:
        """Return until when a row of this time is kept."""
        end = add_duration(at, self.period)
        return end if self.grace is None else min(end, add_duration(at, self.grace))


Keepings = tuple[Keeping, ...]


def keepings_of(rules: Iterable[Terms], facts: PersonFacts, *, now: datetime) -> Keepings | None:
    """Return what still keeps rows by their own time; None where every row is kept.

    An empty tuple keeps nothing.
    """
    found: list[Keeping] = []
    for rule in rules:
        keeping = _keeping_of(rule, facts, now)
        if keeping is True:
            return None
        if keeping is not False:
            found.append(keeping)
    return tuple(sorted(set(found), key=str))


def _keeping_of(rule: Terms, facts: PersonFacts, now: datetime) -> Keeping | bool:
    """Return how a rule keeps rows: all of them, none, or by their own time."""
    ended_at = facts.ended.get(rule.purpose_id)
    if rule.anchor == WITHDRAWAL:
        return _after_end(ended_at, rule.period, now)
    grace = _after_end(ended_at, rule.grace, now)
    if grace is False:
        return False
    by_row = grace.period if isinstance(grace, Keeping) else None
    if rule.anchor == DATA:
        return Keeping(rule.period, by_row)
    if add_duration(_anchor_of(rule, facts), rule.period) <= now:
        return False
    return True if by_row is None else Keeping(by_row)


def _after_end(
    ended_at: datetime | Literal["never"] | None, period: str, now: datetime
) -> Keeping | bool:
    """Return how rows are kept for a period from the end of a purpose; None has no end yet."""
    if ended_at is None:
        return True
    if ended_at == NEVER:
        return Keeping(period)
    return add_duration(ended_at, period) > now


def _anchor_of(rule: Terms, facts: PersonFacts) -> datetime:
    is_order = rule.anchor == LAST_ORDER and facts.last_order_at is not None
    # Whoever never ordered has a relation for as long as they come.
    return facts.last_order_at if is_order and facts.last_order_at else facts.last_seen_at
