"""Calendar durations: how long a consent is valid."""

import re
from datetime import datetime, timedelta
from typing import NamedTuple

from profiles.lib.calendar import add_months

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
