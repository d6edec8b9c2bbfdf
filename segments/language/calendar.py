"""Instants, local dates and durations: what "90 days" and "2026-03-15" mean in one time zone.

Invariant: the SQL functions of migrations 0003 and 0006 compute the same. A local time that does
not exist is the later instant, one that exists twice the earlier one. Months and years are added on
the local calendar and end on the last day of a shorter month. Years go from 1000 to 9998, so that
no computation near them overflows.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import NamedTuple
from zoneinfo import ZoneInfo

from profiles.lib.calendar import add_months
from segments.language.nodes import CalendarUnit, Duration, Unit

SECONDS = {Unit.MINUTES: 60, Unit.HOURS: 3600, Unit.DAYS: 86_400, Unit.WEEKS: 604_800}
MONTHS = {Unit.MONTHS: 1, Unit.YEARS: 12}
# The months of a calendar unit; a day and a week have none.
MONTHS_IN_UNIT = {CalendarUnit.MONTH: 1, CalendarUnit.QUARTER: 3, CalendarUnit.YEAR: 12}
DAYS_IN_MONTH = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
# The mean month of the Gregorian calendar: 146,097 days in 4,800 months.
_MEAN_MONTH = timedelta(days=30.436875)
# Adding n calendar months to an instant never differs by more than this from n mean months.
MONTH_SLACK = timedelta(days=5)
# Groups: 1 year, 2 month, 3 day, 4 hour, 5 minute, 6 second, 7 fraction, 8 offset.
ISO = re.compile(
    r"(?!9999)([1-9][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"(?:[T ]([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:\.([0-9]{1,6}))?)?"
    r"(Z|[+-](?:0[0-9]|1[0-4]):?[0-5][0-9])?)?\Z"
)


class Span(NamedTuple):
    """The time that a text stands for: a day, without its end, or an instant, with equal ends."""

    start: datetime
    end: datetime

    @property
    def is_day(self) -> bool:
        return self.start != self.end


class Band(NamedTuple):
    """The instants after `low` up to and including `high`."""

    low: datetime
    high: datetime


def parse_date(text: str) -> date | None:
    """Return the date in an ISO 8601 date or date and time, as written; None for other texts."""
    match = ISO.match(text)
    if match is None:
        return None
    year, month, day = int(match[1]), int(match[2]), int(match[3])
    return date(year, month, day) if day <= days_in_month(year, month) else None


def parse_span(text: str, zone: ZoneInfo) -> Span | None:
    """Return the local day or the instant that an ISO 8601 text means; None for other texts."""
    day, match = parse_date(text), ISO.match(text)
    if day is None or match is None:
        return None
    if match[4] is None:
        return Span(local_midnight(day, zone), end_of_day(day, zone))
    moment = datetime.combine(day, _time_of_day(match))
    if match[8] is None:
        instant = local_instant(moment, zone)
    else:
        instant = moment.replace(tzinfo=_parse_offset(match[8])).astimezone(UTC)
    return Span(instant, instant)


def _time_of_day(match: re.Match[str]) -> time:
    microsecond = int((match[7] or "0").ljust(6, "0"))
    return time(int(match[4]), int(match[5]), int(match[6] or 0), microsecond)


def _parse_offset(text: str) -> timezone:
    if text == "Z":
        return UTC
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[-2:])))


def days_in_month(year: int, month: int) -> int:
    """Return the number of days of a month, by the rule of the Gregorian calendar."""
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if month == 2 and is_leap else DAYS_IN_MONTH[month - 1]


def local_instant(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant, in UTC, of a naive local time."""
    # fold=0: the first of two equal local times, and the later instant in a gap.
    return moment.replace(tzinfo=zone, fold=0).astimezone(UTC)


def local_midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant, in UTC, at which a local day starts."""
    return local_instant(datetime.combine(day, time()), zone)


def local_date(instant: datetime, zone: ZoneInfo) -> date:
    """Return the local date of an instant."""
    return instant.astimezone(zone).date()


def months_in(duration: Duration) -> int:
    """Return the number of calendar months, 0 for a duration of fixed length."""
    return MONTHS.get(duration.unit, 0) * duration.count


def length_of(duration: Duration) -> timedelta:
    """Return the length of a duration; that of months and years is approximate."""
    if months := months_in(duration):
        return _MEAN_MONTH * months
    return timedelta(seconds=SECONDS[duration.unit] * duration.count)


def add_duration(instant: datetime, duration: Duration, zone: ZoneInfo) -> datetime:
    """Return the instant at which an event of `instant` is exactly that long ago."""
    if not (months := months_in(duration)):
        return instant + length_of(duration)
    local = instant.astimezone(zone).replace(tzinfo=None)
    day = add_months(local.date(), months)
    return local_instant(datetime.combine(day, local.time()), zone)


def subtract_duration(instant: datetime, duration: Duration, zone: ZoneInfo) -> datetime:
    """Return the instant that is a duration earlier; months by the local calendar."""
    return add_duration(instant, Duration(duration.unit, -duration.count), zone)


def unit_start(day: date, unit: CalendarUnit, week_start: int) -> date:
    """Return the first day of the calendar unit that a day is in.

    `week_start` is the day on which weeks start; Monday is 0.
    """
    match unit:
        case CalendarUnit.DAY:
            return day
        case CalendarUnit.WEEK:
            return day - timedelta(days=(day.weekday() - week_start) % 7)
        case _:
            months = MONTHS_IN_UNIT[unit]
            return day.replace(month=(day.month - 1) // months * months + 1, day=1)


def shift_units(start: date, unit: CalendarUnit, count: int) -> date:
    """Return the first day of the calendar unit so many units later; earlier, below zero."""
    if months := MONTHS_IN_UNIT.get(unit, 0):
        return add_months(start, months * count)
    return start + timedelta(days=count * (7 if unit is CalendarUnit.WEEK else 1))


def expiry_bands(since: datetime, now: datetime, duration: Duration, zone: ZoneInfo) -> list[Band]:
    """Return bands with every instant t for which since < t + duration ≤ now.

    For durations of fixed length they contain nothing else; for months they are wider.
    """
    if not (months := months_in(duration)):
        length = length_of(duration)
        return [Band(since - length, now - length)]
    first, last = local_date(since, zone), local_date(now, zone)
    # A few days are looked up one by one. For more, one band with slack is cheaper to query.
    if (last - first).days > 3:
        length = length_of(duration)
        return [Band(since - length - MONTH_SLACK, now - length + MONTH_SLACK)]
    ends = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [
        # One microsecond earlier, since a band excludes its lower end.
        Band(local_midnight(start, zone) - timedelta(microseconds=1), end_of_day(start, zone))
        for end in ends
        for start in _days_ending_on(end, months)
    ]


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant, in UTC, at which the next local day starts."""
    return local_midnight(day + timedelta(days=1), zone)


def _days_ending_on(end: date, months: int) -> Iterator[date]:
    """Return the days that become `end` when the months are added.

    There can be four at the end of a month: 28, 29, 30 and 31 January become 28 February.
    """
    earliest = add_months(end, -months)
    candidates = (earliest + timedelta(days=number) for number in range(4))
    return (day for day in candidates if add_months(day, months) == end)


def next_anniversary(day: date, today: date) -> date:
    """Return the first anniversary of a day, from its first year on, that is not before today."""
    years = max(1, today.year - day.year)
    anniversary = birthday(day, years)
    return anniversary if anniversary >= today else birthday(day, years + 1)


def latest_birth_date(today: date, years: int) -> date:
    """Return the latest date of birth of people who are that old, or older, today."""
    year = today.year - years
    if (today.month, today.day) == (2, 29):
        return date(year, 2, min(29, days_in_month(year, 2)))
    return date(year, today.month, today.day)


def birthday(birth: date, years: int) -> date:
    """Return the day on which a person completes that many years.

    People born on 29 February do so on 1 March in common years.
    """
    year = birth.year + years
    if (birth.month, birth.day) == (2, 29) and days_in_month(year, 2) == 28:
        return date(year, 3, 1)
    return date(year, birth.month, birth.day)
