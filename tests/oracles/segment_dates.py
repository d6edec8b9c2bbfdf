"""Dates and durations as the oracle of segments reads them."""

import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

SHAPE = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII
)
FORMATS = [
    f"%Y-%m-%d{clock}{zone}"
    for clock in ("T%H:%M", "T%H:%M:%S", "T%H:%M:%S.%f")
    for zone in ("", "%z")
]


def local_to_instant(moment: datetime, zone: ZoneInfo) -> datetime:
    """The first instant with this local time; in a gap, the one by the offset before it."""
    offsets = {
        (moment.replace(tzinfo=UTC) + timedelta(hours=hours)).astimezone(zone).utcoffset()
        for hours in range(-26, 27)
    }
    candidates = sorted(moment.replace(tzinfo=UTC) - (offset or timedelta()) for offset in offsets)
    exact = [c for c in candidates if c.astimezone(zone).replace(tzinfo=None) == moment]
    return exact[0] if exact else candidates[-1]


def read_time(text: Any, zone: ZoneInfo) -> tuple[date, datetime, datetime] | None:
    """The date as written, the first instant, and the last one or the excluded end of a day."""
    if not isinstance(text, str) or not SHAPE.fullmatch(text) or not "1000" <= text[:4] <= "9998":
        return None
    if len(text) == 10:
        try:
            day = datetime.strptime(text, "%Y-%m-%d")
        except ValueError:
            return None
        return (
            day.date(),
            local_to_instant(day, zone),
            local_to_instant(day + timedelta(days=1), zone),
        )
    for form in FORMATS:
        with suppress(ValueError):
            moment = datetime.strptime(text.replace(" ", "T"), form)
            if moment.tzinfo is None:
                instant = local_to_instant(moment, zone)
            elif abs(moment.utcoffset()) >= timedelta(hours=15):
                return None
            else:
                instant = moment.astimezone(UTC)
            return moment.date(), instant, instant
    return None


def later_by(instant: datetime, duration: dict[str, int], zone: ZoneInfo) -> datetime:
    (unit, count), *_ = duration.items()
    if unit in ("months", "years"):
        local = instant.astimezone(zone).replace(tzinfo=None)
        return local_to_instant(local + relativedelta(**{unit: count}), zone)
    return instant + timedelta(**{unit: count})


def before(value: Any, operand: Any, world: Any) -> bool:
    """Whether every instant of the value comes before every instant of the operand."""
    first, second = read_time(value, world.zone), read_time(operand, world.zone)
    if first is None or second is None:
        return False
    is_day = first[1] != first[2]
    return first[2] <= second[1] if is_day else first[2] < second[1]


def after(value: Any, operand: Any, world: Any) -> bool:
    return before(operand, value, world)


def in_last(value: Any, duration: dict[str, int], world: Any) -> bool:
    span = read_time(value, world.zone)
    return span is not None and (span[1] <= world.now < later_by(span[2], duration, world.zone))


def age_between(value: Any, ages: list[int], world: Any) -> bool:
    span, today = read_time(value, world.zone), world.now.astimezone(world.zone).date()
    if span is None or span[0] > today:
        return False
    age = 0
    while birthday(span[0], age + 1) <= today:
        age += 1
        if age > 2000:
            return False
    return ages[0] <= age <= ages[1]


def birthday(birth: date, years: int) -> date:
    try:
        return birth.replace(year=birth.year + years)
    except ValueError:
        return date(birth.year + years, 3, 1)


def starts_and_ends_within(value: Any, start: datetime, end: datetime, world: Any) -> bool:
    """Whether the whole of a day, or an instant, lies in a period without its end."""
    span = read_time(value, world.zone)
    if span is None:
        return False
    is_day = span[1] != span[2]
    return start <= span[1] and (span[2] <= end if is_day else span[2] < end)


def on(value: Any, operand: Any, world: Any) -> bool:
    return between_dates(value, [operand, operand], world)


def between_dates(value: Any, ends: list[Any], world: Any) -> bool:
    span, low, high = (read_time(text, world.zone) for text in (value, *ends))
    if span is None or low is None or high is None:
        return False
    # The last instant of an end that is no day belongs to it.
    is_day = high[1] != high[2]
    end = high[2] if is_day else high[2] + timedelta(microseconds=1)
    return starts_and_ends_within(value, low[1], end, world)


def in_next(value: Any, duration: dict[str, int], world: Any) -> bool:
    span = read_time(value, world.zone)
    return (
        span is not None
        and later_by(span[1], negative(duration), world.zone) <= world.now
        and world.now < span[2]
    )


def more_than_ago(value: Any, duration: dict[str, int], world: Any) -> bool:
    span = read_time(value, world.zone)
    return span is not None and later_by(span[2], duration, world.zone) <= world.now


def negative(duration: dict[str, int]) -> dict[str, int]:
    return {unit: -count for unit, count in duration.items()}


def unit_of(day: date, unit: str, week_start: int = 0) -> tuple[int, int]:
    """A number for each calendar unit, so that two days in one unit have the same."""
    if unit == "week":
        return (0, (day.toordinal() - 1 - week_start) // 7)
    if unit == "day":
        return (0, day.toordinal())
    return (day.year, (day.month - 1) // {"month": 1, "quarter": 3, "year": 12}[unit])


def unit_bounds(unit: str, world: Any, shift: int) -> tuple[datetime, datetime]:
    """The first instant of the unit so many units from now, and the first one after it."""
    return _bounds(unit, world.now, world.zone, shift)


@cache
def _bounds(unit: str, now: datetime, zone: ZoneInfo, shift: int) -> tuple[datetime, datetime]:
    first = now.astimezone(zone).date()
    while unit_of(first - timedelta(days=1), unit) == unit_of(first, unit):
        first -= timedelta(days=1)
    if shift < 0:
        yesterday = local_to_instant(at_midnight(first) - timedelta(days=1), zone)
        return _bounds(unit, yesterday, zone, shift + 1)
    last = first
    while unit_of(last, unit) == unit_of(first, unit):
        last += timedelta(days=1)
    return (
        local_to_instant(at_midnight(first), zone),
        local_to_instant(at_midnight(last), zone),
    )


def at_midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)


def this(value: Any, unit: str, world: Any) -> bool:
    return starts_and_ends_within(value, *unit_bounds(unit, world, 0), world)


def previous(value: Any, unit: str, world: Any) -> bool:
    return starts_and_ends_within(value, *unit_bounds(unit, world, -1), world)


def anniversary_in_next(value: Any, duration: dict[str, int], world: Any) -> bool:
    span = read_time(value, world.zone)
    if span is None:
        return False
    today = world.now.astimezone(world.zone).date()
    for years in range(1, 1200):
        day = birthday(span[0], years)
        if day < today:
            continue
        starts_at = local_to_instant(at_midnight(day), world.zone)
        return later_by(starts_at, negative(duration), world.zone) <= world.now
    return False


def age_gte(value: Any, age: int, world: Any) -> bool:
    return age_between(value, [age, 2000], world)


def age_lte(value: Any, age: int, world: Any) -> bool:
    return age_between(value, [0, age], world)
