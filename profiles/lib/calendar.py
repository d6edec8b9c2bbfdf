"""Months, which have no fixed length. Pure."""

import calendar
from datetime import date
from typing import TypeVar

Day = TypeVar("Day", bound=date)


def add_months(day: Day, months: int) -> Day:
    """The same day so many months later (earlier, below zero), or the last one of a shorter month.

    31 January and one month is the last day of February. A datetime keeps its time of day and its
    zone.
    """
    count = day.year * 12 + day.month - 1 + months
    year, month = count // 12, count % 12 + 1
    last_day = calendar.monthrange(year, month)[1]
    return day.replace(year=year, month=month, day=min(day.day, last_day))
