"""What the members of a segment bought and how lively they are, beside everybody.

Invariant: nothing is written, and every read is bounded in time.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.conf import settings
from django.db import OperationalError
from django.db.models import Count, Q, QuerySet, Sum, Value

from consent.models import Purpose
from profiles.lib.database import time_limit
from profiles.lib.faults import fault_of
from profiles.models import EventName, EventStat, Profile
from segments.memberships.reads import filter_permitted
from segments.models import Membership, Segment

LIVELY_DAYS = 30
SECONDS = 5
MAX_PURPOSES = 20


class Worth(NamedTuple):
    """Sums over some people. `lively` are those seen in the last `LIVELY_DAYS` days."""

    people: int
    lively: int
    buyers: int
    orders: int
    ordered: Decimal
    refunded: Decimal

    @property
    def revenue(self) -> Decimal:
        """What was ordered, less what was given back."""
        return self.ordered - self.refunded

    @property
    def basket(self) -> Decimal | None:
        """The average value of an order, before anything is given back."""
        return self.ordered / self.orders if self.orders else None

    @property
    def revenue_each(self) -> Decimal | None:
        return self.revenue / self.people if self.people else None

    @property
    def lively_share(self) -> float | None:
        return self.lively / self.people if self.people else None

    @property
    def buyer_share(self) -> float | None:
        return self.buyers / self.people if self.people else None


class Reach(NamedTuple):
    """How many members permit a purpose now."""

    purpose: Purpose
    people: int


def worth_of(segment: Segment, now: datetime) -> Worth | None:
    """Return the sums of the members, None where that takes too long."""
    members = Membership.objects.filter(segment=segment, profile__is_restricted=False)
    stats = EventStat.objects.filter(
        profile__memberships__segment=segment, profile__is_restricted=False
    )
    return _within_time(members, "profile__last_seen_at__gte", stats, now)


def worth_of_everybody(now: datetime) -> Worth | None:
    """Return the sums of all people, None where that takes too long."""
    stats = EventStat.objects.filter(profile__is_restricted=False)
    people = Profile.objects.filter(is_restricted=False)
    return _within_time(people, "last_seen_at__gte", stats, now)


def _within_time(
    people: QuerySet[Any], seen_since: str, stats: QuerySet[EventStat], now: datetime
) -> Worth | None:
    lively = Q(**{seen_since: now - timedelta(days=LIVELY_DAYS)})
    is_order, is_refund = Q(name__name=settings.ORDER_EVENT), Q(name__reduces=settings.ORDER_EVENT)
    money = stats.filter(is_order | is_refund, name__kind="track")
    try:
        with time_limit(SECONDS):
            counted = people.aggregate(people=Count("*"), lively=Count(Value(1), filter=lively))
            bought = money.aggregate(
                buyers=Count(Value(1), filter=is_order),
                orders=Sum("count", filter=is_order),
                ordered=Sum("sum", filter=is_order),
                refunded=Sum("sum", filter=is_refund),
            )
    except OperationalError as error:
        fault_of(error)
        return None
    return Worth(
        counted["people"],
        counted["lively"],
        bought["buyers"],
        bought["orders"] or 0,
        bought["ordered"] or Decimal(0),
        bought["refunded"] or Decimal(0),
    )


def order_names() -> list[EventName]:
    """Return the events whose amounts are what people bought and gave back."""
    is_order, reduces = Q(name=settings.ORDER_EVENT), Q(reduces=settings.ORDER_EVENT)
    return list(EventName.objects.filter(is_order | reduces, kind="track"))


def reach_by_purpose(segments: Sequence[Segment], now: datetime) -> dict[int, int]:
    """Return how many members of each segment permit its purpose, by the segment's id.

    Segments without a purpose are left out, and all that is not counted in time. Takes a query for
    each purpose.
    """
    by_purpose: dict[str, list[int]] = defaultdict(list)
    for segment in segments:
        if segment.purpose is not None:
            by_purpose[segment.purpose.key].append(segment.pk)
    reach: dict[int, int] = {}
    for key, ids in by_purpose.items():
        members = filter_permitted(Membership.objects.filter(segment_id__in=ids), key, at=now)
        counts = members.order_by().values("segment_id").annotate(people=Count(Value(1)))
        try:
            with time_limit(SECONDS):
                found = dict(counts.values_list("segment_id", "people"))
        except OperationalError as error:
            fault_of(error)
            continue
        reach |= {pk: found.get(pk, 0) for pk in ids}
    return reach


def reach_of(segment: Segment, now: datetime) -> list[Reach]:
    """Return how many members permit each purpose, that of the segment first.

    Those that take too long to count are left out.
    """
    purposes = sorted(
        Purpose.objects.order_by("key")[:MAX_PURPOSES],
        key=lambda purpose: purpose.pk != segment.purpose_id,
    )
    members = Membership.objects.filter(segment=segment)
    try:
        with time_limit(SECONDS):
            return [
                Reach(purpose, filter_permitted(members, purpose.key, at=now).count())
                for purpose in purposes
            ]
    except OperationalError as error:
        fault_of(error)
        return []
