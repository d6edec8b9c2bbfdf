"""Figures of segments: sizes and flows by day, what they have in common, and what is odd.

Invariant: every read is bounded in time and in rows, and none shows a person.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.db.models import Count
from django.db.models.functions import TruncDate
from django.utils.translation import gettext as _

from profiles.lib.database import array_of, time_limit
from profiles.models import Profile
from segments.definitions.dependencies import dependants
from segments.memberships import sql
from segments.models import Membership, MembershipChange, Segment, SegmentSize

MAX_OVERLAPPING = 20
MAX_COMBINATIONS = 1000
OVERLAP_SECONDS = 20
MAX_DAYS = 400
SMALL_SIZE = 20
LARGE_SHARE = 0.5
STILL_DAYS = 30
# Segments of one size are compared member by member; more than these are not looked at.
MAX_TWINS = 10


class DaySize(NamedTuple):
    """The last size of a local day."""

    day: date
    size: int


class DayFlow(NamedTuple):
    """How many entries or exits of people a local day had, for one reason."""

    day: date
    reason: str
    has_entered: bool
    people: int


class Flag(NamedTuple):
    """What may be wrong with a segment: a word for it, and a sentence."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Figures:
    """Sizes and flows of a segment, its flags, and the segments that lean on it."""

    sizes: Sequence[DaySize]
    flows: Sequence[DayFlow]
    flags: Sequence[Flag]
    dependants: Sequence[str]


class Combination(NamedTuple):
    """How many people are in exactly these segments, of those asked about."""

    keys: tuple[str, ...]
    size: int


def figures(segment: Segment, *, since: datetime, until: datetime, now: datetime) -> Figures:
    """Return the figures of a time span, half open, of at most `MAX_DAYS` days."""
    return Figures(
        sizes=_sizes(segment, since, until),
        flows=_flows(segment, since, until),
        flags=flags_of(segment, now=now),
        dependants=dependants(segment.key),
    )


def _sizes(segment: Segment, since: datetime, until: datetime) -> list[DaySize]:
    rows = (
        SegmentSize.objects.filter(segment=segment, measured_at__gte=since, measured_at__lt=until)
        .annotate(day=TruncDate("measured_at", tzinfo=ZoneInfo(settings.TIME_ZONE)))
        .order_by("day", "-measured_at")
        .distinct("day")
    )
    return [DaySize(day, size) for day, size in rows.values_list("day", "size")]


def _flows(segment: Segment, since: datetime, until: datetime) -> list[DayFlow]:
    rows = (
        MembershipChange.objects.filter(
            segment=segment, changed_at__gte=since, changed_at__lt=until
        )
        .annotate(day=TruncDate("changed_at", tzinfo=ZoneInfo(settings.TIME_ZONE)))
        .values("day", "reason", "has_entered")
        .annotate(count=Count("*"))
        .order_by("day", "reason", "has_entered")
    )
    return [DayFlow(*row) for row in rows.values_list("day", "reason", "has_entered", "count")]


def flags_of(segment: Segment, *, now: datetime) -> list[Flag]:
    """Return what may be wrong with a segment; nothing before it is built."""
    return list(_flags(segment, now))


def _flags(segment: Segment, now: datetime) -> Iterator[Flag]:
    if segment.live_version is None:
        return
    if segment.size < SMALL_SIZE:
        yield Flag("small", _("Fewer than %(number)s people.") % {"number": SMALL_SIZE})
    people = Profile.objects.count()
    if people and segment.size > LARGE_SHARE * people:
        yield Flag(
            "large",
            _("%(percent)s%% of all people.") % {"percent": round(100 * segment.size / people)},
        )
    changes = MembershipChange.objects.filter(segment=segment)
    if not changes.filter(changed_at__gte=now - timedelta(days=STILL_DAYS)).exists():
        yield Flag(
            "still", _("Nobody has entered or left for %(number)s days.") % {"number": STILL_DAYS}
        )
    for key in _twins(segment):
        yield Flag("same_people", _("The segment %(key)s has the same people.") % {"key": key})


def _twins(segment: Segment) -> list[str]:
    """Return the keys of other live segments with exactly the same members."""
    others = Segment.objects.filter(status=Segment.Status.LIVE, size=segment.size)
    candidates = others.exclude(pk=segment.pk).exclude(size=0).order_by("key")[:MAX_TWINS]
    return [other.key for other in candidates if _have_same_members(segment, other)]


def _have_same_members(segment: Segment, other: Segment) -> bool:
    members = Membership.objects.filter(segment=segment).values("profile_id")
    others = Membership.objects.filter(segment=other)
    # Of equal size, so that one direction is enough.
    return not others.exclude(profile_id__in=members).exists()


def overlap(segments: Sequence[Segment]) -> list[Combination]:
    """Return how many people are in which of the segments, the largest combinations first.

    `segments` are `MAX_OVERLAPPING` at most; of combinations, `MAX_COMBINATIONS` are returned.
    """
    keys = {segment.pk: segment.key for segment in segments}
    with time_limit(OVERLAP_SECONDS), connection.cursor() as cursor:
        cursor.execute(sql.OVERLAP, [array_of(keys), MAX_COMBINATIONS])
        return [
            Combination(tuple(keys[segment_id] for segment_id in ids), size)
            for ids, size in cursor.fetchall()
        ]
