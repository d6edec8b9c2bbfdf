"""Parsing the times of a message.

What is unambiguous is read, however it is spelled; nothing is guessed. Invariant: a time that is
read is in UTC, and so far from the years 1 and 9999 that every time zone can show it.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

EARLIEST = datetime(1, 1, 2, tzinfo=UTC)
LATEST = datetime(9999, 12, 30, tzinfo=UTC)
# How long a request may take to arrive; a longer way is a clock that is wrong.
_ON_THE_WAY = timedelta(seconds=10)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Seconds have 9 or 10 digits from 1973 to 2286, milliseconds 12 or 13: no text is both.
_EPOCH_TEXT = re.compile(r"(\d{9,13})(\.\d{1,9})?", re.ASCII)
_SECONDS, _MILLISECONDS = range(10**8, 10**10), range(10**11, 10**13)
_BASIC_ISO = re.compile(r"\d{8}(T\d{4}(\d\d([.,]\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)?)?", re.ASCII)
_ISO = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[Tt ](?P<clock>\d\d:\d\d)(:(?P<second>\d\d)([.,](?P<part>\d+))?)?"
    r"\s?(?P<offset>[Zz]|[+-]\d\d:?\d\d)?\s?(?P<zone>\[?[A-Za-z][\w+/-]*\]?)?",
    re.ASCII,
)
_RFC_1123 = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d(:\d\d)?"
    r" (GMT|UTC|UT|Z|[+-]\d{4})",
    re.ASCII,
)
# JavaScript's Date.toString(), such as Sat Jan 31 2026 12:00:00 GMT+0100 (CET).
_JAVASCRIPT = re.compile(
    r"\w{3} (?P<month>\w{3}) (?P<day>\d\d) (?P<year>\d{4}) (?P<clock>\d\d:\d\d:\d\d)"
    r" GMT(?P<offset>[+-]\d{4})( \(.*\))?",
    re.ASCII,
)
_UTC_NAMES = frozenset({"UTC", "GMT", "Z", "Etc/UTC"})


class UnreadableTime(ValueError):
    """A value is no time, or more than one."""


def read_time(value: Any) -> datetime | None:
    """Parse a time: ISO 8601 (UTC without an offset), RFC 1123, JavaScript's, seconds since 1970.

    Returns None for an empty value. Raises UnreadableTime.
    """
    if value is None or value == "":
        return None
    try:
        return _in_bounds(_read_text(value) if isinstance(value, str) else _read_number(value))
    except (ValueError, OverflowError):
        raise UnreadableTime from None


def read_sent_time(value: Any) -> datetime | None:
    """Parse a `sentAt`. Raises UnreadableTime."""
    return _cached_time(value) if isinstance(value, str) else read_time(value)


# Most messages of a batch have the same time.
_cached_time = lru_cache(maxsize=256)(read_time)


def _in_bounds(moment: datetime) -> datetime:
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    if not EARLIEST <= moment <= LATEST:
        raise UnreadableTime
    return moment


def _read_number(value: Any) -> datetime:
    """Read seconds or milliseconds since 1970."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise UnreadableTime
    if int(value) in _SECONDS:
        seconds = Decimal(value)
    elif int(value) in _MILLISECONDS:
        seconds = Decimal(value) / 1000
    else:
        raise UnreadableTime
    return _EPOCH + timedelta(microseconds=int(seconds * 1_000_000))


def _read_text(text: str) -> datetime:
    # Python's own reading takes any sign between day and time, and so many a number for a time.
    if text[4:5] == "-" and text[10:11] in ("T", " ", ""):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    return _read_other_text(text.strip())


def _read_other_text(text: str) -> datetime:
    if _EPOCH_TEXT.fullmatch(text):
        return _read_number(Decimal(text))
    if _BASIC_ISO.fullmatch(text):
        return datetime.fromisoformat(text)
    if _RFC_1123.fullmatch(text):
        return parsedate_to_datetime(text)
    if match := _JAVASCRIPT.fullmatch(text):
        plain = "{month} {day} {year} {clock} {offset}".format(**match.groupdict())
        return datetime.strptime(plain, "%b %d %Y %H:%M:%S %z")
    if match := _ISO.fullmatch(text):
        return _read_parts(match)
    raise UnreadableTime


def _read_parts(match: re.Match[str]) -> datetime:
    """Read what Python does not: 24:00, leap seconds, blanks before an offset, names of zones."""
    day, clock, second = match["day"], match["clock"], int(match["second"] or 0)
    carried = timedelta()
    if clock == "24:00" and second == 0 and not int(match["part"] or 0):
        clock, carried = "00:00", timedelta(days=1)
    elif second == 60:
        second, carried = 59, timedelta(seconds=1)
    part = (match["part"] or "0")[:6]
    plain = f"{day}T{clock}:{second:02}.{part:<06}"
    offset = (match["offset"] or "").upper()
    if offset and not _is_zone(match["zone"]):
        raise UnreadableTime
    # An offset says more than the name of the zone behind it.
    zone = None if offset else match["zone"]
    moment = datetime.fromisoformat(plain + offset) + carried
    return _in_zone(moment, zone.strip("[]")) if zone else moment


def _is_zone(name: str | None) -> bool:
    return name is None or name.strip("[]") in _UTC_NAMES | _zones()


def _in_zone(moment: datetime, name: str) -> datetime:
    """Read a local time of a zone. Raises UnreadableTime where there was none such, or two."""
    if name in _UTC_NAMES:
        return moment.replace(tzinfo=UTC)
    # Short names such as IST mean different zones in different places.
    if "/" not in name or name not in _zones():
        raise UnreadableTime
    local = moment.replace(tzinfo=ZoneInfo(name))
    if local.utcoffset() != local.replace(fold=1).utcoffset():
        raise UnreadableTime
    return local


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def was_on_its_way(sent_at: datetime, received_at: datetime) -> bool:
    """Return whether the sender's clock can be right: the request came within ten seconds."""
    return sent_at <= received_at <= sent_at + _ON_THE_WAY
