"""On which days a date trigger starts somebody, by going through the calendar day by day."""

from datetime import date, timedelta


def starts_on(named: date, day: date, *, days: int, yearly: bool) -> bool:
    """Whether the day is so many days after the date, or after one of its anniversaries."""
    occurrence = day - timedelta(days=days)
    if not yearly:
        return occurrence == named
    return occurrence.year > named.year and _recurs_on(named, occurrence)


def _recurs_on(named: date, occurrence: date) -> bool:
    if (named.month, named.day) != (2, 29):
        return (named.month, named.day) == (occurrence.month, occurrence.day)
    is_leap = (date(occurrence.year, 3, 1) - timedelta(days=1)).day == 29
    return (occurrence.month, occurrence.day) == ((2, 29) if is_leap else (3, 1))
