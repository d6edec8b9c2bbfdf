"""The times of a message."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from ingestion.messages.results import MessageFault


def read_sent_time(given: Any) -> datetime | None:
    """Most messages of a batch share one."""
    return _shared_time(given) if isinstance(given, str) else read_time(given, "sentAt")


@lru_cache(maxsize=256)
def _shared_time(given: str) -> datetime | None:
    return read_time(given, "sentAt")


def read_time(given: Any, path: str) -> datetime | None:
    if given is None or given == "":
        return None
    if not isinstance(given, str):
        raise MessageFault("invalid_time", path, "an ISO 8601 text such as 2026-01-31T12:00:00Z")
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        moment = _unusual_time(given, path)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _unusual_time(given: str, path: str) -> datetime:
    """RFC 3339 allows some spellings more than Python reads, such as a small z."""
    try:
        return msgspec.convert(given, datetime)
    except msgspec.ValidationError as error:
        detail = "an ISO 8601 text such as 2026-01-31T12:00:00Z"
        raise MessageFault("invalid_time", path, detail) from error
