"""Counting messages that break a plan, by the fault."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from django.db import connection

from ingestion.plans import sql


class Fault(NamedTuple):
    """What messages of a source break, with names of its plan alone."""

    source_id: int
    event: str
    policy: str
    path: str


def count_breaches(counts: Mapping[Fault, int], *, now: datetime) -> None:
    """Add to the counts of the day, each of one fault."""
    if not counts:
        return
    # In order, so that two drains cannot deadlock.
    faults = sorted(counts)
    columns = map(list, zip(*faults, strict=True))
    numbers = [counts[fault] for fault in faults]
    with connection.cursor() as cursor:
        cursor.execute(sql.COUNT_BREACHES, [now.astimezone(UTC).date(), *columns, numbers])
