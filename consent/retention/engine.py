"""Finding and deleting what no purpose keeps any more.

Invariant: what is deleted was found under the people lock in the same transaction, and with it
statistics, golden traits and the queue of changes are made right. So it may run twice, at once, or
be killed at any line.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction

from consent.holds.rows import held_stores
from consent.holds.scope import is_in_scope
from consent.lib import checkpoints
from consent.lib.durations import parse_duration
from consent.retention.keeping import Keeping, Keepings, PersonFacts, Terms, keepings_of
from consent.retention.lawful import load_ends, load_gates
from consent.retention.units import Unit, load_units
from profiles.lib.change_queue import mark_changes
from profiles.lib.checkpoints import reach
from profiles.lib.people_lock import people_lock
from profiles.models import EventName, EventStat, Profile, ProfileChange
from profiles.services import (
    Category,
    EventExpiry,
    count_expired_events,
    delete_expired_events,
    delete_expired_traits,
    derive,
    find_expired_traits,
)

# By (unit, profile), how many rows.
Counts = Counter[tuple[str, int]]
_ALWAYS = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What keeps rows of some people in one unit, by their own time."""

    unit: Unit
    profile_ids: tuple[int, ...]
    keepings: Keepings


def count_expired(profile_ids: Sequence[int], units: Sequence[Unit], *, now: datetime) -> Counts:
    """Return how many rows of these profiles would go at this time, by unit and profile."""
    return _judge(profile_ids, units, now=now, is_deleting=False)


def delete_expired(profile_ids: Sequence[int], *, now: datetime) -> Counts:
    """Delete what these profiles have outlived, and return how many rows by unit and profile.

    In one transaction, and only of the units that are approved.
    """
    with transaction.atomic():
        people_lock()
        # Read under the lock, which whoever changes a rule takes.
        approved = [unit for unit in load_units() if unit.is_approved]
        counts = _judge(profile_ids, approved, now=now, is_deleting=True)
        changed = {profile_id for _, profile_id in counts}
        derive(changed)
        mark_changes(ProfileChange.Kind.RETENTION, [(pk, "") for pk in changed])
        reach(checkpoints.EXPIRING, changed)
    return counts


def _judge(
    profile_ids: Sequence[int], units: Sequence[Unit], *, now: datetime, is_deleting: bool
) -> Counts:
    verdicts = list(_verdicts(profile_ids, units, now))
    counts: Counts = Counter()
    act = delete_expired_events if is_deleting else count_expired_events
    for verdict in verdicts:
        if verdict.unit.event_id is not None:
            for profile_id, count in act(_expiry(verdict, now)).items():
                counts[verdict.unit.key, profile_id] += count
    return counts + _judge_traits(verdicts, now, is_deleting=is_deleting)


def _judge_traits(verdicts: Iterable[Verdict], now: datetime, *, is_deleting: bool) -> Counts:
    keepings = {
        (profile_id, verdict.unit.category): verdict.keepings
        for verdict in verdicts
        if verdict.unit.event_id is None
        for profile_id in verdict.profile_ids
    }
    if not keepings:
        return Counter()

    def goes(profile_id: int, category: Category, at: datetime) -> bool:
        found = keepings.get((profile_id, str(category)))
        return found is not None and all(keeping.ends_at(at) <= now for keeping in found)

    expired = find_expired_traits(sorted({profile_id for profile_id, _ in keepings}), goes)
    if is_deleting:
        delete_expired_traits(expired)
    return Counter(
        {(f"traits {category}", pk): count for (pk, category), count in expired.counts.items()}
    )


def _verdicts(
    profile_ids: Sequence[int], units: Sequence[Unit], now: datetime
) -> Iterator[Verdict]:
    """Yield for each unit the people of whom the same keeps rows; nobody of whom all stay."""
    facts = _load_facts(profile_ids, units, now)
    held = held_stores(list(facts))
    for unit in units:
        # Without any rule nothing of a unit goes.
        people: dict[Keepings, list[int]] = defaultdict(list)
        for profile_id, person in facts.items() if unit.rules else ():
            keepings = keepings_of(unit.rules, person, now=now)
            if keepings is not None and not _is_held(unit, held.get(profile_id, ())):
                people[keepings].append(profile_id)
        for keepings, ids in people.items():
            yield Verdict(unit, tuple(ids), keepings)


def _is_held(unit: Unit, scopes: Iterable[Mapping[str, Sequence[str]]]) -> bool:
    """Whether a legal hold keeps the rows of a unit. One on a source's record keeps all traits."""
    if unit.event_id is not None:
        return any(is_in_scope(scope, "events", unit.title) for scope in scopes)
    return any({"source_records", "corrections"} & scope.keys() for scope in scopes)


def _load_facts(
    profile_ids: Sequence[int], units: Sequence[Unit], now: datetime
) -> dict[int, PersonFacts]:
    """Return what the rules ask of these profiles, without those who are restricted."""
    rules: list[Terms] = [terms for unit in units for terms in unit.rules]
    gates = load_gates(terms.purpose_id for terms in rules)
    # Article 18: what is restricted is stored and nothing else.
    profiles = Profile.objects.filter(pk__in=profile_ids, is_restricted=False)
    seen = dict(profiles.values_list("pk", "last_seen_at"))
    ends = load_ends(sorted(seen), gates, now=now)
    orders = _last_orders(seen)
    return {
        pk: PersonFacts(last_seen_at, orders.get(pk), ends.get(pk, {}))
        for pk, last_seen_at in seen.items()
    }


def _last_orders(profile_ids: Iterable[int]) -> dict[int, datetime]:
    name = EventName.objects.filter(kind="track", name=settings.ORDER_EVENT).first()
    stats = EventStat.objects.filter(profile_id__in=list(profile_ids), name=name)
    return dict(stats.values_list("profile_id", "last_at")) if name else {}


def _expiry(verdict: Verdict, now: datetime) -> EventExpiry:
    return EventExpiry(
        profile_ids=verdict.profile_ids,
        name_id=verdict.unit.event_id or 0,
        keepings=verdict.keepings,
        latest=min((now - _least_age(keeping) for keeping in verdict.keepings), default=_ALWAYS),
        now=now,
    )


def _least_age(keeping: Keeping) -> timedelta:
    """Return an age below which no row goes; a bound, since months have no fixed length."""
    periods = [parse_duration(text) for text in keeping if text]
    return min(timedelta(days=28 * period.months + period.days) for period in periods)
