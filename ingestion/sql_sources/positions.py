"""Values of cursor columns: how they are stored with their type, and what lies before them."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from ingestion.sql_sources.faults import CURSOR_TYPE
from profiles.lib.databases.faults import SqlFault

# A time or a day as SQLite stores it: a text, of which the sign between day and time is kept.
_TIME = re.compile(r"\d{4}-\d\d-\d\d([T ])\d\d:\d\d:\d\d", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def stored_position(value: Any) -> dict[str, str]:
    """Return a value of a cursor column as JSON with its type. Raises SqlFault for other types."""
    match value:
        case bool():
            raise SqlFault(CURSOR_TYPE, is_final=True)
        case datetime():
            return {"type": "time" if value.tzinfo else "naive time", "value": value.isoformat()}
        case date():
            return {"type": "date", "value": value.isoformat()}
        case int():
            return {"type": "integer", "value": str(value)}
        case Decimal():
            return {"type": "decimal", "value": str(value)}
        case float():
            return {"type": "float", "value": repr(value)}
        case str():
            return {"type": "text", "value": value}
        case _:
            raise SqlFault(CURSOR_TYPE, is_final=True)


def position_value(stored: Mapping[str, str]) -> Any:
    """Return the value that `stored_position` stored."""
    text = stored["value"]
    match stored["type"]:
        case "time" | "naive time":
            return datetime.fromisoformat(text)
        case "date":
            return date.fromisoformat(text)
        case "integer":
            return int(text)
        case "decimal":
            return Decimal(text)
        case "float":
            return float(text)
        case _:
            return text


def looked_back(value: Any, minutes: int) -> Any:
    """Return what lies so many minutes before a value; numbers and other texts have no minutes."""
    try:
        match value:
            case datetime():
                return value - timedelta(minutes=minutes)
            case date():
                # Rounded up to whole days: a day that is read once more changes nothing.
                return value - timedelta(days=-(-minutes // 1440))
            case str():
                return _text_before(value, minutes)
            case _:
                return value
    except OverflowError:
        return (
            value.min.replace(tzinfo=getattr(value, "tzinfo", None))
            if isinstance(value, datetime)
            else date.min
        )


def _text_before(text: str, minutes: int) -> str:
    try:
        if match := _TIME.match(text):
            # What may stand behind the seconds sorts behind a text without it.
            moment = datetime.fromisoformat(match[0]).replace(tzinfo=UTC)
            earlier = moment - timedelta(minutes=minutes)
            return earlier.replace(tzinfo=None).isoformat(match[1], "seconds")
        if _DAY.fullmatch(text):
            return (date.fromisoformat(text) - timedelta(days=-(-minutes // 1440))).isoformat()
    except (ValueError, OverflowError):
        # It only looks like a time.
        pass
    return text
