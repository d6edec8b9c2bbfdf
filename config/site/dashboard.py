"""The figures of the admin's home page.

Invariant: the number of queries is constant, and none reads all profiles or all events. Figures
that are estimated from a sample begin with ≈.
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
from django.utils.translation import gettext as _

from config.demo.progress import current_progress
from config.site import sql
from config.site.badges import count_due, count_holds
from consent import services as consent
from consent.models import PrivacyRequest
from ingestion.models import InboxRow, RejectedMessage
from ingestion.services import MAY_TRY, current_pause, failing_sql_sources
from profiles.admin.kit.base import approximate_count
from profiles.admin.kit.charts import Bar, bars, share_bar
from profiles.admin.kit.formatting import number, percent, short_day
from profiles.admin.kit.masks import PERMISSION as SEE_CONTACTS
from profiles.lib.estimates import estimated_rows
from profiles.lib.queues import MOST_QUEUED
from profiles.models import Profile
from profiles.services import count_open_cases, count_open_proposals, last_out_of_range
from segments.models import Segment
from segments.services import low_pools, paused_webhooks, sensitive_segments, waiting_exports

DAYS, HOURS = 30, 24
# How many rows of a table are read; of a larger table, a sample of about this size.
MAX_SAMPLED_EVENTS = 300_000
MAX_SAMPLED_PROFILES = 20_000
MAX_LISTED = 8
MAX_COUNTED = 1000
LATE_SECONDS = 60


class Traffic(NamedTuple):
    """The number of events in a span of time, as text, and a chart of them."""

    total: str
    picture: SafeString


@dataclass(frozen=True, slots=True)
class PeopleCounts:
    """The number of profiles, and the share of those that a trusted source vouches for, as text."""

    total: str
    vouched: str
    picture: SafeString


@dataclass(frozen=True, slots=True)
class Movement:
    """A segment, its size, and by how much the size changed in the last seven days."""

    id: int
    name: str
    size: int
    change: int


class Starred(NamedTuple):
    """A segment that the user keeps at hand; the size is None where it is hidden from them."""

    pk: int
    name: str
    size: int | None


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Return the template's context, with each figure only for users who may view its list."""
    now = timezone.now()
    has_perm = request.user.has_perm
    figures: dict[str, Any] = {"demo": current_progress(), "most_queued": MOST_QUEUED}
    if has_perm("profiles.view_profile"):
        percent = _sample_percent("profiles_event", MAX_SAMPLED_EVENTS)
        figures |= {
            "people": count_people(),
            "day": events_of_the_day(now, percent),
            "month": events_of_the_month(now, percent),
        }
    if has_perm("profiles.view_identityoutcome"):
        figures |= {"unhealthy": last_out_of_range(), "cases": count_open_cases()}
    if has_perm("profiles.view_merge"):
        figures["proposals"] = count_open_proposals()
    if has_perm("ingestion.view_inboxrow"):
        figures |= {"inbox": inbox_backlog(now), "pause": current_pause()}
        figures["may_try"] = has_perm(MAY_TRY)
    if has_perm("ingestion.view_rejectedmessage"):
        figures["rejected"] = count_rejected()
    if has_perm("ingestion.view_sqlsource"):
        figures["sql_sources"] = failing_sql_sources()
    if has_perm("consent.view_privacyrequest"):
        figures |= {"requests": next_due_requests(), "due": count_due(request)}
        figures["overdue_holds"] = count_holds(request)
    if has_perm("segments.view_segment"):
        hidden = set() if has_perm(SEE_CONTACTS) else sensitive_segments()
        figures["movements"] = [row for row in segment_movements(now) if row.id not in hidden]
        figures["webhooks"] = paused_webhooks()
        figures["low_pools"] = low_pools(now=now)
        figures["exports"] = waiting_exports() if has_perm("segments.change_segment") else []
        figures["starred"] = starred_of(request.user.pk, hidden)
    return {**context, **figures}


def count_people() -> PeopleCounts:
    """Count the profiles, and estimate the share that a trusted source vouches for."""
    of_all = _sample_percent("profiles_profile", MAX_SAMPLED_PROFILES)
    sampled, vouched = _fetch(sql.VOUCHED_SHARE, percent=of_all)[0]
    share = percent(vouched / sampled) if sampled else "–"
    return PeopleCounts(
        approximate_count(Profile.objects.all()),
        share if of_all == 100 else f"≈ {share}",
        share_bar(vouched, sampled, title=_("%(share)s are vouched for") % {"share": share}),
    )


def events_of_the_day(now: datetime, percent: float) -> Traffic:
    """Return the events of the last 24 hours by hour, from a sample of so many percent."""
    this_hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    hours = [this_hour - timedelta(hours=back) for back in range(HOURS - 1, -1, -1)]
    # The statement's bound is exclusive, and an event may come exactly at the full hour.
    since = hours[0] - timedelta(microseconds=1)
    counts = dict(_fetch(sql.EVENTS_BY_HOUR, percent=percent, since=since, now=now))
    columns = [
        Bar(f"{timezone.localtime(hour):%H:%M}", _extrapolate(counts.get(hour, 0), percent))
        for hour in hours
    ]
    return _traffic(columns, percent, _("Events per hour in the last 24 hours"))


def events_of_the_month(now: datetime, percent: float) -> Traffic:
    """Return the events of the last 30 days by day, from a sample of so many percent."""
    today = timezone.localdate(now)
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    since = now - timedelta(days=DAYS)
    counts = dict(
        _fetch(sql.EVENTS_BY_DAY, percent=percent, since=since, now=now, zone=settings.TIME_ZONE)
    )
    columns = [Bar(short_day(day), _extrapolate(counts.get(day, 0), percent)) for day in days]
    return _traffic(columns, percent, _("Events per day in the last 30 days"))


def inbox_backlog(now: datetime) -> dict[str, Any]:
    """Return how many messages wait in the inbox, and for how long the oldest has waited."""
    # The inbox is a small table as long as workers keep up.
    backlog = InboxRow.objects.aggregate(
        messages=Sum("message_count"), rows=Count("pk"), oldest=Min("received_at")
    )
    lag = (now - backlog["oldest"]).total_seconds() if backlog["oldest"] else 0.0
    return {
        "messages": backlog["messages"] or 0,
        # A row may have come after `now` was read.
        "lag": timedelta(seconds=round(max(lag, 0.0))),
        "is_late": lag > LATE_SECONDS,
    }


def count_rejected() -> str:
    """Count the rejected messages that are still open, up to a thousand."""
    still_open = RejectedMessage.objects.filter(replayed_at=None).order_by()
    open_messages = still_open[: MAX_COUNTED + 1].count()
    if open_messages > MAX_COUNTED:
        return _("over %(number)s") % {"number": number(MAX_COUNTED)}
    return number(open_messages)


def next_due_requests() -> list[tuple[PrivacyRequest, tuple[str, str]]]:
    """Return the open privacy requests that are due next, each with the time that is left."""
    next_due = consent.open_requests()[:MAX_LISTED]
    return [(request, consent.time_left(request)) for request in next_due]


def segment_movements(now: datetime) -> list[Movement]:
    """Return the live segments whose size changed most in the last seven days."""
    rows = _fetch(sql.SEGMENT_MOVEMENTS, since=now - timedelta(days=7), most=MAX_LISTED)
    return [
        # A segment without any measured size has not changed.
        Movement(segment_id, name, size, size - (size if size_before is None else size_before))
        for segment_id, name, size, size_before in rows
    ]


def starred_of(user_id: int | None, hidden: set[int]) -> list[Starred]:
    """Return the segments that a user keeps at hand; of hidden ones without the size."""
    rows = Segment.objects.filter(stars__user_id=user_id or 0).order_by("name")[:MAX_LISTED]
    return [Starred(row.pk, row.name, None if row.pk in hidden else row.size) for row in rows]


def _traffic(columns: list[Bar], percent: float, title: str) -> Traffic:
    total = number(sum(column.value for column in columns))
    return Traffic(total if percent == 100 else f"≈ {total}", bars(columns, title=title))


def _sample_percent(table: str, max_rows: int) -> float:
    """Return how many percent of the table to read for a sample of about `max_rows` rows.

    A table that was never analysed is read whole, since autovacuum analyses large ones soon.
    """
    rows = estimated_rows(table) or 0
    return 100.0 if rows <= max_rows else max_rows / rows * 100


def _extrapolate(sampled: int, percent: float) -> int:
    return round(sampled * 100 / percent)


def _fetch(statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
