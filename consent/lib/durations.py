"""Calendar durations: how long a consent is valid and when a request is due.

Invariant: adding months never runs over into the next month. 31 January plus one month is the
last day of February.
"""

import calendar
import re
from datetime import datetime, timedelta
from typing import NamedTuple

# The look-ahead refuses a bare "P".
_DURATION = re.compile(r"P(?=\d)(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?")


class Period(NamedTuple):
    """A duration in calendar months and days; the months are added first."""

    months: int
    days: int


def parse_duration(text: str) -> Period:
    """Parse an ISO 8601 duration of years, months, weeks and days.

    Raises ValueError with a message for users; a duration of zero is refused too.
    """
    match = _DURATION.fullmatch(text)
    years, months, weeks, days = (
        (int(number or 0) for number in match.groups()) if match else [0] * 4
    )
    duration = Period(12 * years + months, 7 * weeks + days)
    if not any(duration):
        raise ValueError(
            "Must be an ISO 8601 duration of years, months, weeks and days, such as P13M."
        )
    return duration


def add_duration(moment: datetime, text: str) -> datetime:
    """Return the end of an ISO 8601 duration that starts at the moment. Raises ValueError."""
    duration = parse_duration(text)
    return add_months(moment, duration.months) + timedelta(days=duration.days)


def add_months(moment: datetime, months: int) -> datetime:
    """Return the same day and time that many months later, or the last day of a shorter month."""
    months_since_year_zero = moment.year * 12 + moment.month - 1 + months
    year, month = months_since_year_zero // 12, months_since_year_zero % 12 + 1
    last_day = calendar.monthrange(year, month)[1]
    return moment.replace(year=year, month=month, day=min(moment.day, last_day))
