"""The benchmark of segments compares like with like: its three ways count the same people."""

from datetime import datetime, timedelta

import pytest

from benchmarks.counting import DEFINITIONS, counters
from profiles.lib.database import database_now
from profiles.models import Profile
from tests.oracles.segment_worlds import NaiveEvent, NaivePerson
from tests.segments.worlds import store_people

pytestmark = pytest.mark.django_db


def person(number: int) -> NaivePerson:
    """One of people who differ in what the five kinds ask."""
    traits = {
        "city": "Paris" if number % 2 else "Lyon",
        "age_group": 30 + 10 * (number % 3),
        "newsletter": number % 5 != 0,
    }
    orders = [
        NaiveEvent("Order Completed", later(number, step), properties={"revenue": 45 + 20 * step})
        for step in range(number % 5)
    ]
    views = [
        NaiveEvent("Product Viewed", later(number, step), properties={"price": 60 + 30 * step})
        for step in range(number)
    ]
    return NaivePerson(traits=traits, events=[*orders, *views], is_restricted=number == 19)


def later(number: int, step: int) -> datetime:
    return database_now() - timedelta(days=step + (200 if number % 4 == 0 else 10))


def test_the_compiler_sql_by_hand_and_duckdb_count_the_same_people() -> None:
    store_people([person(number) for number in range(30)])
    with counters() as ways:
        counts = {kind: {way(kind) for way in ways.values()} for kind in DEFINITIONS}
    assert all(len(numbers) == 1 for numbers in counts.values()), counts
    # Each kind tells some people from others.
    assert all(0 < numbers.pop() < Profile.objects.count() for numbers in counts.values())
