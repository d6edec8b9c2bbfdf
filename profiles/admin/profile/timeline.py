"""The timeline of a profile: pages of events, newest first, and a chart of the last year.

Invariant: a page takes the same queries however many events there are, and no personal data leaves
this module unmasked.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Count, Q
from django.db.models.functions import TruncWeek
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from profiles.admin.kit.charts import Bar, bars
from profiles.admin.kit.formatting import day_text
from profiles.admin.kit.masks import Mask
from profiles.admin.kit.people import readable
from profiles.events.money import event_amount
from profiles.models import Event, EventStat, Profile

PAGE_OF_EVENTS = 40
WEEKS = 52


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One event on the timeline. `value` is its amount with the currency, empty without one."""

    name: str
    kind: str
    at: datetime
    source: str
    summary: str
    value: str
    details: str


class Day(NamedTuple):
    """The events of one day."""

    day: date
    rows: list[TimelineEntry]


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page of events, newest first. `older` is the cursor of the next page, if there is one."""

    days: list[Day]
    older: str
    name: int | None
    names: list[EventStat]
    weeks: SafeString
    total: int


class Cursor(NamedTuple):
    """A position on the timeline: the page starts at the event before this one."""

    at: datetime
    id: UUID

    @classmethod
    def read(cls, text: str) -> "Cursor | None":
        """Parse a text that `str` made, or return None."""
        microseconds, _, event_id = text.partition("~")
        try:
            return cls(datetime.fromtimestamp(int(microseconds) / 1_000_000, UTC), UUID(event_id))
        except (ValueError, OverflowError, OSError):
            return None

    def __str__(self) -> str:
        return f"{round(self.at.timestamp() * 1_000_000)}~{self.id}"


def timeline(
    profile: Profile, mask: Mask, *, before: Cursor | None, name: int | None, now: datetime
) -> Timeline:
    """Return a page of the profile's timeline, in three queries.

    `name` is the id of an event name, and limits the page to its events.
    """
    events = Event.objects.filter(profile_id=profile.pk)
    if name is not None:
        events = events.filter(name_id=name)
    page = events
    if before is not None:
        page = events.filter(
            # The timestamp alone, too: it lets PostgreSQL skip later partitions.
            Q(timestamp__lt=before.at) | Q(timestamp=before.at, id__lt=before.id),
            timestamp__lte=before.at,
        )
    # One more than a page has, to know whether there is another page.
    rows = list(
        page.select_related("name", "source").order_by("-timestamp", "-id")[: PAGE_OF_EVENTS + 1]
    )
    page_rows = rows[:PAGE_OF_EVENTS]
    names = list(
        EventStat.objects.filter(profile_id=profile.pk).select_related("name").order_by("-count")
    )
    return Timeline(
        days=list(_days(page_rows, mask)),
        older=_cursor_after(page_rows) if len(rows) > len(page_rows) else "",
        name=name,
        names=names,
        weeks=_weeks(profile, name, now),
        total=sum(stat.count for stat in names),
    )


def _cursor_after(events: Sequence[Event]) -> str:
    return str(Cursor(events[-1].timestamp, events[-1].id))


def _days(events: Sequence[Event], mask: Mask) -> Iterator[Day]:
    for day, group in groupby(events, key=lambda event: timezone.localdate(event.timestamp)):
        yield Day(day, [_entry(event, mask) for event in group])


def _entry(event: Event, mask: Mask) -> TimelineEntry:
    properties = mask.tree(event.properties)
    details = {"properties": properties, "context": mask.tree(event.context)}
    return TimelineEntry(
        name=event.name.name,
        kind=event.name.kind,
        at=event.timestamp,
        source=event.source.name or event.source.key,
        summary=_summary(properties),
        value=event_amount(event.value, event.properties),
        details=json.dumps(details, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2),
    )


def _summary(properties: Mapping[str, Any]) -> str:
    """Return the first few simple properties as one line."""
    texts = [
        f"{key.replace('_', ' ')} {readable(value)}"
        for key, value in properties.items()
        if not isinstance(value, dict | list) and value is not None
    ]
    line = " · ".join(texts[:4])
    return line if len(line) <= 140 else f"{line[:138]}…"


def _weeks(profile: Profile, name: int | None, now: datetime) -> SafeString:
    """Draw the number of events per week over a year."""
    monday = timezone.localdate(now) - timedelta(days=timezone.localdate(now).weekday())
    starts = [monday - timedelta(weeks=back) for back in range(WEEKS - 1, -1, -1)]
    events = Event.objects.filter(
        profile_id=profile.pk, timestamp__gte=now - timedelta(weeks=WEEKS), timestamp__lte=now
    )
    if name is not None:
        events = events.filter(name_id=name)
    counts = {
        row["week"].date(): row["events"]
        for row in events.order_by()
        .annotate(week=TruncWeek("timestamp"))
        .values("week")
        .annotate(events=Count("id"))
    }
    columns = [
        Bar(gettext("week of %(day)s") % {"day": day_text(day)}, counts.get(day, 0))
        for day in starts
    ]
    return bars(columns, title=gettext("Events per week over a year"))
