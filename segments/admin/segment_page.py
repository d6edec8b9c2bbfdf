"""The contents of the segment pages: curves of size, members, entries and exits.

Invariant: every read is bounded, and everything returned is masked.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Max, Min
from django.db.models.functions import TruncDay, TruncHour, TruncMinute
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from profiles.admin.kit.charts import Point, curve, first_and_last, sparkline
from profiles.admin.kit.masks import Mask
from profiles.admin.kit.people import display_name, readable
from profiles.models import Profile
from segments.models import MembershipChange, Segment, SegmentSize

MEMBERS_PER_PAGE = 25
MAX_CHANGES = 30
SPARKLINE_DAYS = 60
MAX_POINTS = 400


class Member(NamedTuple):
    """One member, as far as the user may see them."""

    profile_id: int
    uuid: str
    name: str
    city: str
    entered_at: datetime


class Change(NamedTuple):
    """One entry or exit. `profile_id` is None if the profile no longer exists."""

    profile_id: int | None
    name: str
    has_entered: bool
    reason: str
    changed_at: datetime


def sparklines(segment_ids: Sequence[int], now: datetime) -> dict[int, SafeString]:
    """Draw the daily sizes of the last sixty days by segment id. Takes one query."""
    points: dict[int, list[int]] = defaultdict(list)
    rows = (
        SegmentSize.objects.filter(
            segment_id__in=segment_ids, measured_at__gte=now - timedelta(days=SPARKLINE_DAYS)
        )
        .order_by()
        .annotate(day=TruncDay("measured_at"))
        .values("segment_id", "day")
        .annotate(largest=Max("size"))
        .order_by("segment_id", "day")
    )
    for row in rows:
        points[row["segment_id"]].append(row["largest"])
    return {
        segment_id: sparkline(sizes, title=first_and_last(sizes[0], sizes[-1]))
        for segment_id, sizes in points.items()
    }


def size_curve(segment: Segment, now: datetime) -> SafeString:
    """Draw the size over time. Takes two queries.

    The steps are minutes, hours or days, depending on how long the segment has existed.
    """
    sizes = SegmentSize.objects.filter(segment=segment).order_by()
    first = sizes.aggregate(first=Min("measured_at"))["first"]
    if first is None:
        return SafeString("")
    age = now - first
    step: type[TruncMinute | TruncHour | TruncDay] = TruncDay
    if age < timedelta(hours=6):
        step = TruncMinute
    elif age <= timedelta(days=14):
        step = TruncHour
    rows = (
        sizes.annotate(step=step("measured_at"))
        .values("step")
        .annotate(largest=Max("size"))
        .order_by("-step")[:MAX_POINTS]
    )
    points = [Point(row["step"], row["largest"]) for row in reversed(rows)]
    # The curve ends now, at the current size.
    points.append(Point(max(now, points[-1].at), segment.size))
    return curve(points, title=_("Size of %(segment)s") % {"segment": segment.name})


def make_member(profile: Profile, mask: Mask, entered_at: datetime) -> Member:
    """Return a profile as a member, masked."""
    return Member(
        profile.pk,
        str(profile.uuid),
        display_name(profile.traits, mask) or _("anonymous"),
        _city(profile, mask),
        entered_at,
    )


def latest_changes(segment: Segment, mask: Mask) -> list[Change]:
    """Return the latest entries and exits. Takes two queries."""
    changes = MembershipChange.objects.filter(segment=segment)
    rows = list(changes.order_by("-changed_at", "-id")[:MAX_CHANGES])
    profiles = Profile.objects.in_bulk({row.profile_id for row in rows})
    return [_make_change(row, profiles.get(row.profile_id), mask) for row in rows]


def _make_change(row: MembershipChange, profile: Profile | None, mask: Mask) -> Change:
    if profile is None:
        name = _("erased or merged")
    elif profile.is_restricted:
        name = _("restricted")
    else:
        name = display_name(profile.traits, mask) or _("anonymous")
    return Change(
        row.profile_id if profile else None,
        name,
        row.has_entered,
        row.get_reason_display(),
        row.changed_at,
    )


def _city(profile: Profile, mask: Mask) -> str:
    city: Any = profile.traits.get("city")
    return "" if city is None else readable(mask.trait("city", city))
