"""Retention a second time, naively: one row, one rule, one date after the other.

It knows nothing of the engine: months are added by counting them, and no row is spared a look.
"""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True)
class NaiveRule:
    """A rule on a unit, which is the name of an event or the category of traits."""

    unit: str
    purpose: str
    period: str
    anchor: str
    grace: str


@dataclass
class NaivePerson:
    """A person: rows as (unit, time), when they were last seen, and how purposes stand."""

    rows: list[tuple[str, datetime]] = field(default_factory=list)
    last_seen: datetime | None = None
    # Consent: what was said when, with the end of a grant. Objections: since when.
    said: dict[str, list[tuple[datetime, str, datetime | None]]] = field(default_factory=dict)
    objected: dict[str, datetime] = field(default_factory=dict)
    is_untouchable: bool = False


def later(moment: datetime, duration: str) -> datetime:
    """Add a duration of one unit, such as P6M."""
    number, unit = int(duration[1:-1]), duration[-1]
    if unit == "D":
        return moment + timedelta(days=number)
    year, month = moment.year, moment.month
    for _ in range(number * (12 if unit == "Y" else 1)):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return moment.replace(year=year, month=month, day=min(moment.day, monthrange(year, month)[1]))


def lost_since(person: NaivePerson, purpose: str, by_consent: bool, now: datetime) -> object:
    """Return None while the purpose is lawful, since when it is not, or "never"."""
    moments: list[object] = []
    if purpose in person.objected:
        moments.append(person.objected[purpose])
    if by_consent:
        said = sorted(person.said.get(purpose, ()), key=lambda entry: entry[0])
        if not said:
            moments.append("never")
        elif said[-1][1] != "given":
            moments.append(said[-1][0])
        elif said[-1][2] is not None and said[-1][2] <= now:
            moments.append(said[-1][2])
    dated = [moment for moment in moments if moment != "never"]
    return min(dated) if dated else (moments[0] if moments else None)  # type: ignore[type-var]


def is_kept(
    rule: NaiveRule,
    at: datetime,
    person: NaivePerson,
    lost: object,
    orders: Sequence[datetime],
    now: datetime,
) -> bool:
    """Whether one rule keeps one row."""
    since = at if lost == "never" else lost
    if rule.anchor == "withdrawal":
        return since is None or now < later(since, rule.period)  # type: ignore[arg-type]
    if since is not None and now >= later(since, rule.grace):  # type: ignore[arg-type]
        return False
    anchors = {
        "data": at,
        "last_seen": person.last_seen,
        "last_order": max(orders) if orders else person.last_seen,
    }
    anchor = anchors[rule.anchor]
    return anchor is not None and now < later(anchor, rule.period)


def night(
    person: NaivePerson, rules: Sequence[NaiveRule], by_consent: Mapping[str, bool], now: datetime
) -> None:
    """Take out of a person what no rule of its unit keeps at this time."""
    if person.is_untouchable:
        return
    orders = [at for unit, at in person.rows if unit == "Order Completed"]
    left = []
    for unit, at in person.rows:
        of_unit = [rule for rule in rules if rule.unit == unit]
        kept = [
            is_kept(
                rule,
                at,
                person,
                lost_since(person, rule.purpose, by_consent[rule.purpose], now),
                orders,
                now,
            )
            for rule in of_unit
        ]
        if not of_unit or any(kept):
            left.append((unit, at))
    person.rows = left
