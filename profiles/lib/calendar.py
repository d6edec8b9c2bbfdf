"""Months, which have no fixed length, and times that are stored as numbers. Pure."""

import calendar
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

Day = TypeVar("Day", bound=date)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def add_months(day: Day, months: int) -> Day:
    """The same day so many months later (earlier, below zero), or the last one of a shorter month.

    31 January and one month is the last day of February. A datetime keeps its time of day and its
    zone.
    """
    count = day.year * 12 + day.month - 1 + months
    year, month = count // 12, count % 12 + 1
    last_day = calendar.monthrange(year, month)[1]
    return day.replace(year=year, month=month, day=min(day.day, last_day))


def time_of(microseconds: int) -> datetime:
    """The time so many microseconds after the beginning of 1970, in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)
