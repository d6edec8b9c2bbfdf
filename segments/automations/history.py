"""What an automation would have done: how many people it would have started on each past day.

Invariant: nothing is written. The rule of coming again is not applied, so that the numbers are the
most that could have started.
"""

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import Count
from django.db.models.functions import TruncDate

from profiles.lib.days import store_day
from profiles.models import EventName
from segments.automations import sql
from segments.automations.dates import due_by_date
from segments.automations.events import condition
from segments.automations.nodes import (
    DateTrigger,
    EventTrigger,
    ListTrigger,
    Program,
    SegmentTrigger,
)
from segments.compiler import Fragment, fill
from segments.definitions.live import make_context
from segments.models import ListedPerson, Segment


class Day(NamedTuple):
    """How many people would have started on a day of the store's zone."""

    day: date
    people: int


def starts_by_day(program: Program, *, days: int, now: datetime) -> list[Day]:
    """Return the days on which somebody would have started, the oldest first."""
    since = now - timedelta(days=days)
    common: dict[str, Any] = {"zone": settings.TIME_ZONE, "since": since, "now": now}
    match program.trigger:
        case EventTrigger(event):
            name = EventName.objects.filter(kind=EventName.Kind.TRACK, name=event.name).first()
            if name is None:
                return []
            where = condition(event, make_context({}, now=now))
            return _days(fill(sql.STARTS_BY_EVENT, name=name.pk, where=where, **common))
        case SegmentTrigger(key, has_entered, reasons):
            segment = Segment.objects.filter(key=key).order_by("-pk").first()
            if segment is None:
                return []
            reason_words = sorted({str(each) for each in reasons} & {"change", "time"})
            return _days(
                fill(
                    sql.STARTS_BY_SEGMENT,
                    segment=segment.pk,
                    has_entered=has_entered,
                    reasons=reason_words,
                    **common,
                )
            )
        case DateTrigger() as trigger:
            due = due_by_date(trigger, store_day(since), store_day(now))
            counts = Counter(each.day for each in due)
            return [Day(day, people) for day, people in sorted(counts.items())]
        case ListTrigger(key):
            rows = ListedPerson.objects.filter(list__key=key, added_at__gt=since)
            counted = (
                rows.annotate(day=TruncDate("added_at"))
                .values("day")
                .annotate(people=Count("profile_id", distinct=True))
            )
            return [Day(**row) for row in counted.order_by("day")]


def _days(statement: Fragment) -> list[Day]:
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
        return [Day(*row) for row in cursor.fetchall()]
