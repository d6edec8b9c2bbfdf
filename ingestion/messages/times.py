"""Parsing the times of a message."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from ingestion.messages.results import MessageFault

EXPECTED = "an ISO 8601 text such as 2026-01-31T12:00:00Z"


def read_sent_time(value: Any) -> datetime | None:
    """Parse a `sentAt`. Raises MessageFault."""
    return _cached_sent_time(value) if isinstance(value, str) else read_time(value, "sentAt")


# Most messages of a batch have the same time.
@lru_cache(maxsize=256)
def _cached_sent_time(text: str) -> datetime | None:
    return read_time(text, "sentAt")


def read_time(value: Any, path: str) -> datetime | None:
    """Parse an ISO 8601 time; without an offset it is UTC.

    Returns None for an empty value. Raises MessageFault with the path.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise MessageFault("invalid_time", path, EXPECTED)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = _read_rfc_3339(value, path)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _read_rfc_3339(text: str, path: str) -> datetime:
    """Parse the few spellings that RFC 3339 allows and Python does not read, such as a small z."""
    try:
        return msgspec.convert(text, datetime)
    except msgspec.ValidationError as error:
        raise MessageFault("invalid_time", path, EXPECTED) from error
