"""What the pages of segments show: curves of size, members, entries and exits; each read is bounded.

Invariant: nothing leaves this module unmasked.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Max, Min
from django.db.models.functions import TruncDay, TruncHour, TruncMinute
from django.utils.safestring import SafeString

from profiles.admin.kit.charts import Point, curve, sparkline
from profiles.admin.kit.masks import Mask
from profiles.admin.profile.page import display_name, readable
from profiles.models import Profile
from segments.models import Membership, MembershipChange, Segment, SegmentSize

PAGE_OF_MEMBERS = 25
PAGE_OF_CHANGES = 30
SPARK_DAYS = 60
MOST_POINTS = 400


class Member(NamedTuple):
    """One member as far as whoever looks may see him."""

    profile_id: int
    uuid: str
    name: str
    city: str
    entered_at: datetime


class Change(NamedTuple):
    """One entry or exit; `profile_id` is None where the person was erased."""

    profile_id: int | None
    name: str
    has_entered: bool
    reason: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Members:
    """A page of members by internal number; `after` continues it."""

    rows: list[Member]
    after: int | None


def sparklines(segment_ids: Sequence[int], now: datetime) -> dict[int, SafeString]:
    """The sizes of sixty days, day by day, for a page of segments. One query."""
    points: dict[int, list[int]] = defaultdict(list)
    rows = (
        SegmentSize.objects.filter(
            segment_id__in=segment_ids, measured_at__gte=now - timedelta(days=SPARK_DAYS)
        )
        .order_by()
        .annotate(day=TruncDay("measured_at"))
        .values("segment_id", "day")
        .annotate(most=Max("size"))
        .order_by("segment_id", "day")
    )
    for row in rows:
        points[row["segment_id"]].append(row["most"])
    return {
        number: sparkline(values, title=f"{values[0]:,} to {values[-1]:,}")
        for number, values in points.items()
    }


def size_curve(segment: Segment, now: datetime) -> SafeString:
    """How the size went, in steps of a minute, an hour or a day by how long it is known. Two queries."""
    sizes = SegmentSize.objects.filter(segment=segment).order_by()
    first = sizes.aggregate(first=Min("measured_at"))["first"]
    if first is None:
        return SafeString("")
    known = now - first
    step = TruncMinute if known < timedelta(hours=6) else TruncHour
    step = TruncDay if known > timedelta(days=14) else step
    rows = (
        sizes.annotate(step=step("measured_at"))
        .values("step")
        .annotate(most=Max("size"))
        .order_by("-step")[:MOST_POINTS]
    )
    points = [Point(row["step"], row["most"]) for row in reversed(rows)]
    points.append(Point(max(now, points[-1].at), segment.size))
    return curve(points, title=f"Size of {segment.name}")


def members(segment: Segment, mask: Mask, *, after: int) -> Members:
    """A page of those in it now. Two queries."""
    found = list(
        Membership.objects.filter(segment=segment, profile_id__gt=after).order_by("profile_id")[
            : PAGE_OF_MEMBERS + 1
        ]
    )
    shown = found[:PAGE_OF_MEMBERS]
    people = Profile.objects.in_bulk([row.profile_id for row in shown])
    rows = [
        member(people[row.profile_id], mask, row.entered_at)
        for row in shown
        if row.profile_id in people
    ]
    return Members(rows, shown[-1].profile_id if len(found) > len(shown) else None)


def member(profile: Profile, mask: Mask, entered_at: datetime) -> Member:
    return Member(
        profile.pk,
        str(profile.uuid),
        display_name(profile.traits, mask) or "anonymous",
        _city(profile, mask),
        entered_at,
    )


def changes(segment: Segment, mask: Mask) -> list[Change]:
    """The latest entries and exits. Two queries."""
    found = list(
        MembershipChange.objects.filter(segment=segment).order_by("-changed_at", "-id")[
            :PAGE_OF_CHANGES
        ]
    )
    people = Profile.objects.in_bulk({row.profile_id for row in found})
    return [_change(row, people.get(row.profile_id), mask) for row in found]


def _change(row: MembershipChange, profile: Profile | None, mask: Mask) -> Change:
    is_shown = profile is not None and not profile.is_restricted
    name = display_name(profile.traits, mask) if is_shown and profile else ""
    return Change(
        row.profile_id if profile else None,
        name or ("anonymous" if is_shown else "restricted" if profile else "erased or merged"),
        row.has_entered,
        row.get_reason_display(),
        row.changed_at,
    )


def _city(profile: Profile, mask: Mask) -> str:
    city: Any = profile.traits.get("city")
    return "" if city is None else readable(mask.trait("city", city))
