"""The overview: what a day's work begins with, in a constant number of bounded queries.

Invariant: no query reads all people or all events; what is estimated says so with ≈.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import Count, Min, Sum
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from config.site import sql
from consent.admin.requests import CLOSED, time_left
from consent.models import PrivacyRequest
from ingestion.models import InboxRow, RejectedMessage
from profiles.admin.kit.base import approximate_count, estimated_rows
from profiles.admin.kit.charts import Bar, bars, share_bar
from profiles.models import Profile

DAYS, HOURS = 30, 24
MOST_SAMPLED_EVENTS = 300_000
MOST_SAMPLED_PEOPLE = 20_000
MOST_SHOWN = 8
MOST_COUNTED = 1000


class Traffic(NamedTuple):
    """Events of a span: how many, in words, and the picture."""

    total: str
    picture: SafeString


@dataclass(frozen=True, slots=True)
class PeopleCounts:
    """How many there are, and the share of those vouched for by a trusted source."""

    total: str
    vouched: str
    picture: SafeString


@dataclass(frozen=True, slots=True)
class Movement:
    """A segment whose size changed in the last seven days."""

    id: int
    name: str
    size: int
    change: int


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Each part for who may view the list that it links to."""
    now = timezone.now()
    may = request.user.has_perm
    parts: dict[str, Any] = {}
    if may("profiles.view_profile"):
        percent = _percent("profiles_event", MOST_SAMPLED_EVENTS)
        parts |= {
            "people": people(),
            "day": events_of_the_day(now, percent),
            "month": events_of_the_month(now, percent),
        }
    if may("ingestion.view_inboxrow"):
        parts["inbox"] = inbox(now)
    if may("ingestion.view_rejectedmessage"):
        parts["rejected"] = rejected()
    if may("consent.view_privacyrequest"):
        parts["requests"] = open_requests()
    if may("segments.view_segment"):
        parts["movements"] = movements(now)
    return {**context, **parts}


def people() -> PeopleCounts:
    percent = _percent("profiles_profile", MOST_SAMPLED_PEOPLE)
    seen, vouched = _rows(sql.VOUCHED_SHARE, percent=percent)[0]
    said = f"{vouched / seen:.0%}" if seen else "–"
    return PeopleCounts(
        approximate_count(Profile.objects.all()),
        said if percent == 100 else f"≈ {said}",
        share_bar(vouched, seen, title=f"{said} are vouched for"),
    )


def events_of_the_day(now: datetime, percent: float) -> Traffic:
    """The last 24 hours, hour by hour."""
    this_hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    hours = [this_hour - timedelta(hours=back) for back in range(HOURS - 1, -1, -1)]
    since = hours[0] - timedelta(microseconds=1)
    counted = dict(_rows(sql.EVENTS_BY_HOUR, percent=percent, since=since, now=now))
    shown = [
        Bar(f"{timezone.localtime(hour):%H:%M}", _scaled(counted.get(hour, 0), percent))
        for hour in hours
    ]
    return _traffic(shown, percent, "Events per hour in the last 24 hours")


def events_of_the_month(now: datetime, percent: float) -> Traffic:
    """The last 30 days, day by day."""
    today = timezone.localdate(now)
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    since = now - timedelta(days=DAYS)
    counted = dict(
        _rows(sql.EVENTS_BY_DAY, percent=percent, since=since, now=now, zone=settings.TIME_ZONE)
    )
    shown = [Bar(f"{day:%-d %b}", _scaled(counted.get(day, 0), percent)) for day in days]
    return _traffic(shown, percent, "Events per day in the last 30 days")


def inbox(now: datetime) -> dict[str, Any]:
    """What waits, and for how long; a small table."""
    waiting = InboxRow.objects.aggregate(
        messages=Sum("message_count"), rows=Count("pk"), oldest=Min("received_at")
    )
    lag = (now - waiting["oldest"]).total_seconds() if waiting["oldest"] else 0.0
    return {
        "messages": waiting["messages"] or 0,
        "lag": timedelta(seconds=round(max(lag, 0.0))),
        "is_late": lag > 60,
    }


def rejected() -> str:
    """How many open rejected messages there are, up to a thousand."""
    waiting = RejectedMessage.objects.filter(replayed_at=None).order_by()
    number = waiting[: MOST_COUNTED + 1].count()
    return f"over {MOST_COUNTED:,}" if number > MOST_COUNTED else f"{number:,}"


def open_requests() -> list[tuple[PrivacyRequest, tuple[str, str]]]:
    """The next ones due."""
    waiting = PrivacyRequest.objects.exclude(status__in=CLOSED).order_by("due_at")
    return [(asked, time_left(asked)) for asked in waiting[:MOST_SHOWN]]


def movements(now: datetime) -> list[Movement]:
    """Live segments, those that moved most in seven days first."""
    rows = _rows(sql.SEGMENT_MOVEMENTS, since=now - timedelta(days=7), most=MOST_SHOWN)
    return [
        Movement(number, name, size, size - (size if before is None else before))
        for number, name, size, before in rows
    ]


def _traffic(shown: list[Bar], percent: float, title: str) -> Traffic:
    total = f"{sum(bar.value for bar in shown):,}"
    return Traffic(total if percent == 100 else f"≈ {total}", bars(shown, title=title))


def _percent(table: str, most: int) -> float:
    """How much of a table to read, so that about `most` rows are; all of it where it is small or unknown."""
    rows = estimated_rows(table) or 0
    return 100.0 if rows <= most else most / rows * 100


def _scaled(number: int, percent: float) -> int:
    return round(number * 100 / percent)


def _rows(statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found
