"""Retention over random lives: the engine leaves what a naive reading of the rules leaves."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent.models import RetentionRule
from consent.services import (
    apply_retention,
    record,
)
from profiles.identity.verify import find_drift
from profiles.models import Event, SourceRecord, SpecialTrait
from segments.services import (
    refresh_changed,
    verify_memberships,
)
from tests.consent.inputs import consent_input
from tests.consent.retention_rules import (
    NOW,
    ORDER,
    VIEW,
    approve,
    days_ago,
    make_buyers,
    make_rule,
    say,
    track,
)
from tests.factories import make_purpose, profile_of, send_messages
from tests.oracles.retention import NaivePerson, NaiveRule, night
from tests.tries import tries

pytestmark = pytest.mark.django_db


UNITS = (ORDER, VIEW, "ordinary", "special")


KEYS = {"ordinary": "city", "special": "diagnosis"}


DURATIONS = st.sampled_from(["P10D", "P1M", "P3M", "P1Y"])


RULES = st.builds(
    NaiveRule,
    unit=st.sampled_from(UNITS),
    purpose=st.sampled_from(["newsletter", "stats"]),
    period=DURATIONS,
    anchor=st.sampled_from(["data", "last_seen", "last_order", "withdrawal"]),
    grace=DURATIONS,
)


SETS_OF_RULES = st.lists(RULES, max_size=5, unique_by=lambda rule: (rule.unit, rule.purpose))


ROWS = st.lists(
    st.tuples(st.sampled_from(UNITS), st.integers(0, 500)), min_size=1, max_size=8, unique=True
)


SAYINGS = st.lists(
    st.tuples(st.integers(1, 400), st.booleans(), st.one_of(st.none(), st.integers(5, 90))),
    max_size=3,
    unique_by=lambda saying: saying[0],
)


PEOPLE = st.lists(
    st.tuples(ROWS, SAYINGS, st.one_of(st.none(), st.integers(0, 300))), min_size=1, max_size=3
)


NIGHTS = st.lists(st.integers(0, 300), min_size=1, max_size=3)


def send_person(user: str, rows: list[tuple[str, int]]) -> NaivePerson:
    """Send rows of a person; of each trait only one value is kept, the newest."""
    person, messages = NaivePerson(), []
    for unit, days in rows:
        at = days_ago(days)
        if unit in KEYS:
            messages.append(
                {"userId": user, "traits": {KEYS[unit]: f"{days}"}, "timestamp": at.isoformat()}
            )
            newer = [row for row in person.rows if row[0] == unit and row[1] >= at]
            if not newer:
                person.rows = [row for row in person.rows if row[0] != unit] + [(unit, at)]
        else:
            messages.append(track(user, unit, at))
            person.rows.append((unit, at))
        person.last_seen = max(person.last_seen or at, at)
    send_messages(*messages)
    return person


def object_to(user: str, person: NaivePerson, days: int) -> None:
    at = days_ago(days)
    entry = consent_input(
        profile_of(f"user_id:{user}"),
        kind="objection",
        purpose="stats",
        occurred_at=at,
        received_at=at,
    )
    record(entry)
    person.objected["stats"] = at


def rows_of(user: str) -> list[tuple[str, datetime]]:
    profile = profile_of(f"user_id:{user}")
    rows = list(Event.objects.filter(profile=profile).values_list("name__name", "timestamp"))
    units = {key: unit for unit, key in KEYS.items()}
    for record_ in SourceRecord.objects.filter(profile=profile):
        rows += [
            (units[key], datetime.fromtimestamp(entry[1] / 1_000_000, UTC))
            for key, entry in record_.traits.items()
        ]
    special = SpecialTrait.objects.filter(profile=profile).values_list("key", "at")
    rows += [(units[key], datetime.fromtimestamp(at / 1_000_000, UTC)) for key, at in special]
    return sorted(rows)


@settings(max_examples=tries(40), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(RULES, max_size=5, unique_by=lambda rule: (rule.unit, rule.purpose)), PEOPLE, NIGHTS
)
def test_the_engine_leaves_what_a_naive_reading_of_the_rules_leaves(
    rules: list[NaiveRule], people: list[Any], nights: list[int]
) -> None:
    with transaction.atomic():
        purposes = {
            "newsletter": make_purpose("newsletter", validity="P99Y"),
            "stats": make_purpose("stats", legal_basis="legitimate_interest"),
        }
        send_messages(*(track("nobody", name, NOW) for name in (ORDER, VIEW)))
        naive: dict[str, NaivePerson] = {}
        for number, (rows, sayings, objected) in enumerate(people):
            user = f"user-{number}"
            naive[user] = send_person(user, rows)
            say(user, naive[user], sayings)
            if objected is not None:
                object_to(user, naive[user], objected)
        for rule in rules:
            make_rule(
                purposes[rule.purpose],
                rule.period,
                unit=rule.unit,
                anchor=rule.anchor,
                grace=rule.grace,
            )
        for rule_row in RetentionRule.objects.all():
            approve(rule_row)
        make_buyers()
        for days in sorted(nights):
            now = NOW + timedelta(days=days)
            apply_retention(now=now)
            refresh_changed()
            for user, person in naive.items():
                night(person, rules, {"newsletter": True, "stats": False}, now)
                assert rows_of(user) == sorted(person.rows)
        assert list(find_drift()) == []
        assert verify_memberships() == {"buyers": 0}
        transaction.set_rollback(True)
