"""The figures of a source's page: whether it sends, how much, and what is wrong with it.

Invariant: the number of queries is constant, and none reads events.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Min, Sum
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from ingestion.admin.plan_page import PlanOverview, plan_overview
from ingestion.admin.words import OUTCOMES, fault_in_words, reason_in_words
from ingestion.inbox.counts import hour_of
from ingestion.models import (
    DroppedCount,
    InboxRow,
    MessageCount,
    RecentMessage,
)
from ingestion.services import fault_groups
from profiles.admin.kit.charts import Bar, bars
from profiles.admin.kit.formatting import short_day
from profiles.models import Source

DAYS, HOURS = 30, 24
LATE = timedelta(seconds=60)
SILENT = timedelta(days=1)
MOST_FAULTS = 8


class Light(NamedTuple):
    """The state of a source in a word, and its colour (a class of badges)."""

    word: str
    colour: str
    is_waiting: bool = False


class Series(NamedTuple):
    """One kind of figure over the last thirty days."""

    title: str
    total: int
    picture: SafeString


@dataclass(frozen=True, slots=True)
class Overview:
    """What the page of a source shows."""

    light: Light
    last_at: datetime | None
    lag: timedelta
    waiting: int
    today: int
    rejected_today: int
    picture: SafeString
    series: list[Series]
    faults: list[dict[str, Any]]
    planned: PlanOverview | None


def light_of(source: Source, now: datetime) -> Light:
    """Return the state of a source. Takes three queries at most."""
    last_at = _last_at(source)
    if last_at is None:
        is_coming = InboxRow.objects.filter(source=source).exists()
        word = _("reading the first event…") if is_coming else _("waiting for the first event…")
        return Light(word, "t-info", is_waiting=True)
    if _backlog(source, now)[1] > LATE:
        return Light(_("behind"), "t-warn")
    if now - last_at > SILENT:
        return Light(_("silent for %(time)s") % {"time": timesince(last_at, now)}, "t-warn")
    return Light(_("receiving"), "t-good")


def overview(source: Source, now: datetime) -> Overview:
    """Return the figures of a source."""
    counts = _hourly_counts(source, now)
    since = hour_of(now) - timedelta(hours=HOURS - 1)
    by_hour: Counter[datetime] = Counter()
    rejected = 0
    for (hour, outcome), count in counts.items():
        if hour >= since:
            by_hour[hour] += count
            rejected += count if outcome == MessageCount.Outcome.REJECTED else 0
    waiting, lag = _backlog(source, now)
    hours = [since + timedelta(hours=number) for number in range(HOURS)]
    columns = [Bar(f"{timezone.localtime(hour):%H:%M}", by_hour[hour]) for hour in hours]
    return Overview(
        light=light_of(source, now),
        last_at=_last_at(source),
        lag=lag,
        waiting=waiting,
        today=sum(by_hour.values()),
        rejected_today=rejected,
        picture=bars(columns, title=_("Messages per hour in the last 24 hours")),
        series=[*_ends(counts, now), *_parts(source, now)],
        faults=open_faults(MOST_FAULTS, source=source),
        planned=plan_overview(source, now),
    )


def _last_at(source: Source) -> datetime | None:
    recent = RecentMessage.objects.filter(source=source).order_by("-id")
    last_at = recent.values_list("received_at", flat=True).first()
    if last_at is None:
        # Copies of messages end earlier than counts.
        counts = MessageCount.objects.filter(source=source).order_by("-hour")
        last_at = counts.values_list("hour", flat=True).first()
    return last_at


def _backlog(source: Source, now: datetime) -> tuple[int, timedelta]:
    """Return how many messages wait to be drained, and for how long the oldest has waited."""
    rows = InboxRow.objects.filter(source=source)
    backlog = rows.aggregate(messages=Sum("message_count"), oldest=Min("received_at"))
    lag = now - backlog["oldest"] if backlog["oldest"] else timedelta()
    return backlog["messages"] or 0, max(timedelta(seconds=round(lag.total_seconds())), timedelta())


def _hourly_counts(source: Source, now: datetime) -> dict[tuple[datetime, str], int]:
    since = hour_of(now) - timedelta(days=DAYS)
    rows = MessageCount.objects.filter(source=source, hour__gte=since)
    return {(hour, end): count for hour, end, count in rows.values_list("hour", "outcome", "count")}


def _ends(counts: Mapping[tuple[datetime, str], int], now: datetime) -> list[Series]:
    """Return the messages of each end by day of the staff's time zone."""
    by_end: dict[str, Counter[date]] = defaultdict(Counter)
    for (hour, outcome), count in counts.items():
        by_end[outcome][timezone.localdate(hour)] += count
    days = _days(timezone.localdate(now))
    return [_series(str(title), by_end[end], days) for end, title in OUTCOMES.items()]


def _parts(source: Source, now: datetime) -> list[Series]:
    """Return what was left out of messages, by UTC day and reason, where there was any."""
    days = _days(now.astimezone(UTC).date())
    rows = DroppedCount.objects.filter(source=source, day__gte=days[0])
    by_reason: dict[str, Counter[date]] = defaultdict(Counter)
    for reason, day, count in rows.values_list("reason", "day", "count"):
        by_reason[reason][day] += count
    # Messages of erased people stand among the ends of messages.
    reasons = sorted(by_reason.keys() - {"suppressed", "before_return"})
    return [_series(reason_in_words(reason), by_reason[reason], days) for reason in reasons]


def _days(today: date) -> list[date]:
    return [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]


def _series(title: str, by_day: Counter[date], days: list[date]) -> Series:
    columns = [Bar(short_day(day), by_day[day]) for day in days]
    total = sum(bar.value for bar in columns)
    return Series(title, total, bars(columns, title=title))


def open_faults(limit: int, **source: Source) -> list[dict[str, Any]]:
    """Return the faults with most open messages, of one source or of all."""
    groups = fault_groups().filter(**source, open__gt=0)
    return [
        {**group, "sentence": fault_in_words(group["code"])}
        for group in groups.order_by("-open", "source__key", "code", "fault_path")[:limit]
    ]
