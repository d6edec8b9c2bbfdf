"""Durations of the calendar: how long a consent lasts and when a request is due. Pure, and in UTC.

Invariant: adding months never leaves the month that is meant: 31 January and one month is the last of February.
"""

import calendar
import re
from datetime import datetime, timedelta
from typing import NamedTuple

_DURATION = re.compile(r"P(?=\d)(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?")


class Period(NamedTuple):
    """Calendar months, then days."""

    months: int
    days: int


def parse_duration(text: str) -> Period:
    """An ISO 8601 duration of years, months, weeks and days, longer than nothing. Raises ValueError, fit to be shown."""
    found = _DURATION.fullmatch(text)
    years, months, weeks, days = (
        (int(number or 0) for number in found.groups()) if found else [0] * 4
    )
    duration = Period(12 * years + months, 7 * weeks + days)
    if not any(duration):
        raise ValueError(
            "Must be an ISO 8601 duration of years, months, weeks and days, such as P13M."
        )
    return duration


def add_duration(moment: datetime, text: str) -> datetime:
    """The end of a duration such as P13M. Months first, clamped to the month's end; raises ValueError."""
    duration = parse_duration(text)
    return add_months(moment, duration.months) + timedelta(days=duration.days)


def add_months(moment: datetime, months: int) -> datetime:
    """The same day and time so many months later, or the last day where that month is shorter."""
    place = moment.year * 12 + moment.month - 1 + months
    year, month = place // 12, place % 12 + 1
    last = calendar.monthrange(year, month)[1]
    return moment.replace(year=year, month=month, day=min(moment.day, last))
