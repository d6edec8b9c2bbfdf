"""Measuring identity health now, and keeping one measure a day."""

from collections import defaultdict
from datetime import date, timedelta
from typing import NamedTuple

from django.utils import timezone

from profiles.health.checks import Finding, Health, checks_for, find
from profiles.health.people import read_sample
from profiles.lib.database import time_limit
from profiles.models import HealthMeasure

SECONDS = 20.0  # of each statement
TREND_DAYS = 90


class Measured(NamedTuple):
    """What a day's measure was, in percent."""

    day: date
    value: float


def find_health() -> list[Finding]:
    """Look at a sample of people now. Nothing is written.

    Raises OperationalError where a statement takes longer than 20 seconds.
    """
    with time_limit(SECONDS):
        people = read_sample()
    return find(checks_for(people), people)


def measure_health() -> None:
    """Keep what is found today; a second measure of a day takes the place of the first."""
    rows = [
        HealthMeasure(
            day=timezone.localdate(),
            key=finding.check.key,
            value=finding.value,
            people=finding.people,
            state=finding.health,
        )
        for finding in find_health()
    ]
    HealthMeasure.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["day", "key"],
        update_fields=["value", "people", "state"],
    )


def trends() -> dict[str, list[Measured]]:
    """Return the measures of the last ninety days by check, the oldest first."""
    since = timezone.localdate() - timedelta(days=TREND_DAYS)
    measures: dict[str, list[Measured]] = defaultdict(list)
    for row in HealthMeasure.objects.filter(day__gte=since).order_by("day"):
        measures[row.key].append(Measured(row.day, row.value))
    return measures


def last_out_of_range() -> list[str]:
    """Return the keys of the checks that were out of range when they were last measured."""
    last = HealthMeasure.objects.order_by("-day").values("day")[:1]
    rows = HealthMeasure.objects.filter(day__in=last, state=Health.OUT_OF_RANGE)
    return list(rows.order_by("key").values_list("key", flat=True))
