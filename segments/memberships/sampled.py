"""What members have and did beside everybody else: counts over bounded samples of both.

Invariant: nothing is written, reads are bounded in time and rows, and a value that fewer than
`SHARED_BY` of the sampled people share is not returned.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError, connection
from django.db.models import F
from django.db.models.fields.json import KeyTransform

from profiles.lib.database import time_limit
from profiles.lib.estimates import estimated_rows
from profiles.lib.faults import fault_of
from profiles.models import EventName, EventStat
from segments.memberships import sql
from segments.memberships.contrast import Contrast, ValueCount, contrasts
from segments.models import Membership, Segment

SAMPLED = 20_000  # members, and as many others
SLICES = 1024
SHARED_BY = 10
MAX_VALUES = 2000
SECONDS = 6
# The key of the counts of people who did an event; no trait is without a name.
DID = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """The contrasts of the members with others, and how many of both they are of."""

    members: int
    others: int
    contrasts: Sequence[Contrast]


def contrast_of(segment: Segment, keys: Sequence[str]) -> Counted | None:
    """Return the significant values of some traits, and events; None where that takes too long."""
    parameters: dict[str, Any] = {
        "segment": segment.pk,
        "member_slices": _slices(segment.size),
        "other_slices": _slices(estimated_rows("profiles_profile") or 0),
        "keys": list(keys),
        "shared_by": SHARED_BY,
        "most": MAX_VALUES,
    }
    try:
        with time_limit(SECONDS), connection.cursor() as cursor:
            cursor.execute(sql.SAMPLED_VALUES, parameters)
            (_key, _value, members, others), *values = cursor.fetchall()
            cursor.execute(sql.SAMPLED_EVENTS, parameters)
            events = cursor.fetchall()
    except OperationalError as error:
        fault_of(error)
        return None
    counts = [ValueCount(*row) for row in values] + _event_counts(events)
    return Counted(members, others, contrasts(counts, members=members, others=others))


def _event_counts(rows: Sequence[tuple[int, int, int]]) -> list[ValueCount]:
    # A name can contain an address that somebody was invited by.
    plain = EventName.objects.exclude(name__contains="@")
    names = dict(plain.filter(pk__in=[row[0] for row in rows]).values_list("pk", "name"))
    return [ValueCount(DID, names[pk], *counts) for pk, *counts in rows if pk in names]


def _slices(people: int) -> int:
    """Return how many of the slices hold about `SAMPLED` of so many people."""
    return max(1, min(SLICES, SLICES * SAMPLED // max(people, 1)))


def trait_values(segment: Segment, key: str) -> list[object] | None:
    """Return the values that a sample of the members has; None where that takes too long."""
    members = Membership.objects.filter(
        segment=segment, profile__is_restricted=False, profile__traits__has_key=key
    )
    values = members.values_list(KeyTransform(key, "profile__traits"), flat=True)
    try:
        with time_limit(SECONDS):
            return list(values[:SAMPLED])
    except OperationalError as error:
        fault_of(error)
        return None


def event_counts(segment: Segment, name: str, kind: str) -> list[object] | None:
    """Return how often a sample of the members did an event; None where that takes too long."""
    stats = EventStat.objects.filter(
        profile__memberships__segment=segment,
        profile__is_restricted=False,
        name__name=name,
        name__kind=kind,
    )
    try:
        with time_limit(SECONDS):
            return list(stats.annotate(times=F("count")).values_list("times", flat=True)[:SAMPLED])
    except OperationalError as error:
        fault_of(error)
        return None
