"""What the rules would delete at a time, counted by the engine itself without deleting."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from consent.models import RetentionForecast
from consent.retention.engine import count_expired
from consent.retention.rules import current_versions
from consent.retention.units import Unit, load_units
from profiles.models import Profile

PEOPLE_AT_ONCE = 1000


def make_forecast(*, at: datetime, now: datetime) -> RetentionForecast:
    """Count what goes at a time by unit, rules that wait for their approval included."""
    versions = current_versions()
    units = load_units()
    rows: Counter[str] = Counter()
    people: Counter[str] = Counter()
    for profile_ids in profile_batches():
        for (unit, _), count in count_expired(profile_ids, units, now=at).items():
            rows[unit] += count
            people[unit] += 1
    return RetentionForecast.objects.create(
        at=at,
        made_at=now,
        versions=versions,
        units=[_described(unit, rows[unit.key], people[unit.key]) for unit in units],
    )


def forecast_of_person(profile_id: int, *, at: datetime) -> list[dict[str, Any]]:
    """Return how many rows of one person would go at a time, by unit with rules."""
    units = load_units()
    counts: dict[str, int] = defaultdict(int)
    for (unit, _), count in count_expired([profile_id], units, now=at).items():
        counts[unit] += count
    return [_described(unit, counts[unit.key], 1) for unit in units if counts[unit.key]]


def profile_batches(*, after: int = 0) -> Iterator[Sequence[int]]:
    """Yield the ids of all profiles after one in ascending batches."""
    while True:
        rows = Profile.objects.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)
        batch = list(rows[:PEOPLE_AT_ONCE])
        if not batch:
            return
        yield batch
        after = batch[-1]


def _described(unit: Unit, rows: int, people: int) -> dict[str, Any]:
    return {
        "kind": "traits" if unit.event_id is None else "events",
        "title": unit.title,
        "category": unit.category,
        "rules": list(unit.rule_ids),
        "is_approved": unit.is_approved,
        "rows": rows,
        "people": people,
    }
