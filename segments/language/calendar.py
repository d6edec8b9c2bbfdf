"""Instants, local dates and durations: what "90 days", "3 months" and "2026-03-15" mean, in one configured time zone.

Invariant: the SQL functions of migration 0003 say the same. A local time that does not exist is the later instant, one that
exists twice the first; months and years are added on the local calendar and clamped to the month's end. Years go from 1000
to 9998, so that nothing near them overflows.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import NamedTuple
from zoneinfo import ZoneInfo

from segments.language.nodes import Duration, Unit

SECONDS = {Unit.MINUTES: 60, Unit.HOURS: 3600, Unit.DAYS: 86_400, Unit.WEEKS: 604_800}
MONTHS = {Unit.MONTHS: 1, Unit.YEARS: 12}
LAST_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
# Adding months to an instant moves it by no more than this from where 30.436875 days a month would put it.
MONTH_SLACK = timedelta(days=5)
ISO = re.compile(
    r"(?!9999)([1-9][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"(?:[T ]([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:\.([0-9]{1,6}))?)?"
    r"(Z|[+-](?:0[0-9]|1[0-4]):?[0-5][0-9])?)?\Z"
)


class Span(NamedTuple):
    """From `start` to `end`; a day excludes its end, an instant has both ends equal."""

    start: datetime
    end: datetime

    @property
    def is_day(self) -> bool:
        return self.start != self.end


class Band(NamedTuple):
    """The instants after `low` up to and with `high`."""

    low: datetime
    high: datetime


def parse_date(text: str) -> date | None:
    """The date as written, of a date or a date and time in ISO 8601; None where it is neither."""
    found = ISO.match(text)
    if found is None:
        return None
    year, month, day = int(found[1]), int(found[2]), int(found[3])
    return date(year, month, day) if day <= days_in_month(year, month) else None


def parse_span(text: str, zone: ZoneInfo) -> Span | None:
    """The local day or the instant that is written; None where it is not ISO 8601."""
    day, found = parse_date(text), ISO.match(text)
    if day is None or found is None:
        return None
    if found[4] is None:
        return Span(local_midnight(day, zone), end_of_day(day, zone))
    moment = datetime.combine(day, _clock(found))
    if found[8] is None:
        instant = local_instant(moment, zone)
    else:
        instant = moment.replace(tzinfo=_offset(found[8])).astimezone(UTC)
    return Span(instant, instant)


def _clock(found: re.Match[str]) -> time:
    microsecond = int((found[7] or "0").ljust(6, "0"))
    return time(int(found[4]), int(found[5]), int(found[6] or 0), microsecond)


def _offset(text: str) -> timezone:
    if text == "Z":
        return UTC
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[-2:])))


def days_in_month(year: int, month: int) -> int:
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if month == 2 and is_leap else LAST_DAYS[month - 1]


def local_instant(moment: datetime, zone: ZoneInfo) -> datetime:
    """The instant, UTC, of a local time."""
    return moment.replace(tzinfo=zone, fold=0).astimezone(UTC)


def local_midnight(day: date, zone: ZoneInfo) -> datetime:
    return local_instant(datetime.combine(day, time()), zone)


def local_date(instant: datetime, zone: ZoneInfo) -> date:
    return instant.astimezone(zone).date()


def months_of(duration: Duration) -> int:
    """How many calendar months a duration has; 0 for one of plain seconds."""
    return MONTHS.get(duration.unit, 0) * duration.count


def seconds_of(duration: Duration) -> timedelta:
    """The length of a duration of plain seconds; about it, for one of months."""
    if months := months_of(duration):
        return timedelta(days=30.436875) * months
    return timedelta(seconds=SECONDS[duration.unit] * duration.count)


def add(instant: datetime, duration: Duration, zone: ZoneInfo) -> datetime:
    """The instant at which what happened at `instant` is so long ago."""
    if not (months := months_of(duration)):
        return instant + seconds_of(duration)
    local = instant.astimezone(zone).replace(tzinfo=None)
    day = add_months(local.date(), months)
    return local_instant(datetime.combine(day, local.time()), zone)


def add_months(day: date, months: int) -> date:
    """The same day so many months later (earlier, below zero), or the last one of a shorter month."""
    count = day.year * 12 + day.month - 1 + months
    year, month = count // 12, count % 12 + 1
    return date(year, month, min(day.day, days_in_month(year, month)))


def expiring(since: datetime, now: datetime, duration: Duration, zone: ZoneInfo) -> list[Band]:
    """Bands that hold every instant t with since < t + duration ≤ now; exact for plain seconds, wider for months."""
    if not (months := months_of(duration)):
        length = seconds_of(duration)
        return [Band(since - length, now - length)]
    first, last = local_date(since, zone), local_date(now, zone)
    if (last - first).days > 3:
        length = seconds_of(duration)
        return [Band(since - length - MONTH_SLACK, now - length + MONTH_SLACK)]
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [
        Band(local_midnight(day, zone) - timedelta(microseconds=1), end_of_day(day, zone))
        for reached in days
        for day in _days_reaching(reached, months)
    ]


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    return local_midnight(day + timedelta(days=1), zone)


def _days_reaching(reached: date, months: int) -> Iterator[date]:
    """The days that, so many months later, become the day reached: up to four at the end of a month."""
    last = add_months(reached, -months)
    candidates = (last + timedelta(days=ahead) for ahead in range(4))
    return (day for day in candidates if add_months(day, months) == reached)


def birth_limit(today: date, years: int) -> date:
    """Who was born on this day or before is so many whole years old today, or older."""
    year = today.year - years
    if (today.month, today.day) == (2, 29):
        return date(year, 2, min(29, days_in_month(year, 2)))
    return date(year, today.month, today.day)


def birthday(birth: date, years: int) -> date:
    """The day on which so many years are completed; 1 March in common years for one born on 29 February."""
    year = birth.year + years
    if (birth.month, birth.day) == (2, 29) and days_in_month(year, 2) == 28:
        return date(year, 3, 1)
    return date(year, birth.month, birth.day)
