"""How the cells of a column are spelled, and their values.

A format is `text`, `number` (12.50), `decimal_comma` (1.234,50), `decimal_point` (1,234.50),
`boolean`, `iso` (a time that is unambiguous), or a pattern of strptime such as %d/%m/%Y.
Invariant: a cell that does not fit its format is refused, and never read by a guess.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal
from functools import partial
from typing import Any

from ingestion.messages.times import UnreadableTime, read_time

TEXT, NUMBER, COMMA, POINT, BOOLEAN, ISO = (
    "text",
    "number",
    "decimal_comma",
    "decimal_point",
    "boolean",
    "iso",
)
NAMED = (TEXT, NUMBER, COMMA, POINT, BOOLEAN, ISO)
# Of columns of a database: a number stays one, a text stays one. No mapping says it.
TYPED = "typed"
# Tried in this order. Of a day and a month that could be exchanged the first reading is proposed,
# and the page shows both.
DATE_PATTERNS = (
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%Y/%m/%d",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
)
TRUE = frozenset({"true", "yes", "y", "1", "oui", "vrai", "o", "ja", "si", "sí", "x", "on"})
FALSE = frozenset({"false", "no", "n", "0", "non", "faux", "nein", "off"})
_PLAIN_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,15})?", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,18}(\.\d{1,18})?", re.ASCII)
_COMMA_NUMBER = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d{1,18})(,\d{1,18})?", re.ASCII)
_POINT_NUMBER = re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d{1,18})(\.\d{1,18})?", re.ASCII)
# Blanks within a number, apostrophes as the Swiss group by, and signs of currencies.
_AROUND_NUMBERS = re.compile(r"[\s\u00a0\u202f'’€$£¥]")
_UNAMBIGUOUS_COMMA = re.compile(r",(\d{1,2}|\d{4,})$", re.ASCII)
_WORDS = {TEXT: "a text", NUMBER: "a number such as 12.50", BOOLEAN: "yes or no"}
_WORDS |= {COMMA: "a number such as 1.234,50", POINT: "a number such as 1,234.50"}
_WORDS |= {ISO: "a time such as 2026-01-31T12:00:00Z"}


class Unreadable(ValueError):
    """A cell does not fit its format. The text says what would, and omits the cell."""


def is_format(name: str) -> bool:
    """Whether cells can be read by the format."""
    if name in NAMED:
        return True
    try:
        # Read back what it writes: a directive that only writes would refuse each row.
        datetime.strptime(datetime(2026, 12, 31, 23, 59, 58, tzinfo=UTC).strftime(name), name)
    except (ValueError, re.error):
        # A directive that stands twice is an error of the pattern that it becomes.
        return False
    return "%" in name


def is_date_format(name: str) -> bool:
    return name == ISO or name not in (*NAMED, TYPED)


def is_blank(cell: Any) -> bool:
    """Whether a cell says nothing."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def read_cell(cell: Any, format_: str) -> Any:
    """Return the value of a cell that is not blank, as JSON has it. Raises Unreadable."""
    if isinstance(cell, bool):
        return cell
    if isinstance(cell, datetime | date):
        return _iso(cell)
    if not isinstance(cell, str):
        # A file that has types of its own says what it means.
        return str(cell) if format_ == TEXT and isinstance(cell, int | Decimal) else cell
    text = cell.strip()
    if format_ in (TEXT, TYPED):
        return text
    if format_ == BOOLEAN:
        return _boolean(text)
    if is_date_format(format_):
        return _dated(text, format_)
    return _number(text, format_)


def read_moment(cell: Any, format_: str, zone: tzinfo) -> datetime:
    """Return the time that a cell names, in UTC. One without an offset is one of the zone.

    Raises Unreadable.
    """
    try:
        moment = _moment(cell, format_)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        return aware.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable(_words(ISO if format_ in NAMED else format_)) from None


def read_boolean(cell: Any) -> bool:
    """Return what a cell answers. Raises Unreadable."""
    return cell if isinstance(cell, bool) else _boolean(str(cell).strip())


def detect_format(cells: Sequence[Any]) -> str:
    """Return the format that all cells of a sample fit, and `text` where there is none."""
    texts = [cell.strip() for cell in cells if isinstance(cell, str) and cell.strip()]
    if not texts:
        return ISO if any(isinstance(cell, datetime | date) for cell in cells) else TEXT
    if all(map(_PLAIN_NUMBER.fullmatch, texts)):
        return NUMBER
    if _is_decimal_comma(texts):
        return COMMA
    if {text.lower() for text in texts} in ({"true", "false"}, {"true"}, {"false"}):
        return BOOLEAN
    return next(iter(date_formats(texts)), TEXT)


def date_formats(texts: Sequence[str]) -> list[str]:
    """Return the formats of dates that all texts fit: several where day and month can swap."""
    if all(_fits(text, _iso_moment) for text in texts):
        return [ISO]
    return [
        pattern
        for pattern in DATE_PATTERNS
        if all(_fits(text, partial(_moment_as, pattern)) for text in texts)
    ]


def _is_decimal_comma(texts: Sequence[str]) -> bool:
    numbers = [_AROUND_NUMBERS.sub("", text) for text in texts]
    return all(map(_COMMA_NUMBER.fullmatch, numbers)) and any(
        map(_UNAMBIGUOUS_COMMA.search, numbers)
    )


def _moment_as(pattern: str, text: str) -> datetime:
    return datetime.strptime(text, pattern)


def _fits(text: str, read: Callable[[str], datetime]) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True


def _moment(cell: Any, format_: str) -> datetime:
    if isinstance(cell, datetime):
        return cell
    if isinstance(cell, date):
        return datetime.combine(cell, time())
    if isinstance(cell, str) and format_ not in NAMED:
        return datetime.strptime(cell.strip(), format_)
    return _iso_moment(cell.strip() if isinstance(cell, str) else cell)


def _iso_moment(cell: Any) -> datetime:
    if isinstance(cell, str) and cell[10:] == "" and len(cell) == 10 and cell[4] == "-":
        return datetime.fromisoformat(cell)
    moment = read_time(Decimal(str(cell)) if isinstance(cell, float) else cell)
    if moment is None:
        raise UnreadableTime
    if isinstance(cell, str) and _has_no_zone(cell):
        return moment.replace(tzinfo=None)
    return moment


def _has_no_zone(text: str) -> bool:
    """Whether an ISO time has neither an offset nor a zone, and so is one of the file's zone."""
    return re.fullmatch(r"\d{4}-?\d\d-?\d\d([T ][\d:.,]+)?", text, re.ASCII) is not None


def _dated(text: str, format_: str) -> str:
    """Return a date, or a time where the format has one, as ISO 8601 spells it."""
    try:
        if format_ == ISO:
            _iso_moment(text)
            return text
        moment = datetime.strptime(text, format_)
    except ValueError:
        raise Unreadable(_words(format_)) from None
    has_time = any(directive in format_ for directive in ("%H", "%I", "%M", "%S", "%X", "%c"))
    return _iso(moment) if has_time else moment.date().isoformat()


def _iso(cell: datetime | date) -> str:
    return cell.isoformat()


def _boolean(text: str) -> bool:
    word = text.lower()
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise Unreadable(_words(BOOLEAN))


def _number(text: str, format_: str) -> int | Decimal:
    digits = _AROUND_NUMBERS.sub("", text)
    shape = {COMMA: _COMMA_NUMBER, POINT: _POINT_NUMBER}.get(format_, _NUMBER)
    if not shape.fullmatch(digits):
        raise Unreadable(_words(format_))
    if format_ == COMMA:
        digits = digits.replace(".", "").replace(",", ".")
    value = Decimal(digits.replace(",", ""))
    return value if "." in digits else int(value)


def _words(format_: str) -> str:
    return _WORDS.get(format_, f"a date that is written as {format_}")
