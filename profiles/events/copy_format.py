"""Events before they are stored, in COPY's binary format: as text, the server would parse every timestamp and UUID."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

import msgspec
from psycopg.types.numeric import DecimalBinaryDumper

from profiles.events.names import NameRef

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_dump_numeric = DecimalBinaryDumper(Decimal).dump
# Columns are written by their size, which is -1 for null.
_COPY_BEGIN, _COPY_END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_JSONB_VERSION = 1
_COLUMNS = 12
_PERSON = Struct(">hiqiq")
_EVENT = Struct(">iqi16siqiq")
_TIME = Struct(">iq")
_JSON = Struct(">ib")
_SIZE = Struct(">i")
_TIMESTAMP_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_NUMBER_STARTS = frozenset(bytes([sign]) for sign in b"-0123456789")


class EventTimes(NamedTuple):
    """When an event happened, when it came, and what its sender's clock said of both."""

    timestamp: datetime
    received_at: datetime
    original_timestamp: datetime | None
    sent_at: datetime | None


class EventDraft(NamedTuple):
    """An event before it is known whose it is. `row` is what COPY reads of it, without the person."""

    name_id: int
    timestamp: datetime
    value: Decimal | None
    row: bytes


class AttributedEvent(NamedTuple):
    """An event, whose it is, and by which identifier."""

    profile_id: int
    identifier_id: int
    draft: EventDraft


def draft_event(
    id_: str, *, source_id: int, name: NameRef, times: EventTimes, properties: str, context: str
) -> EventDraft:
    """Everything about an event that can be done before the people lock is taken. `id_` is in hexadecimal digits."""
    timestamp, received_at, original_timestamp, sent_at = times
    value = value_of(properties, name.value_property)
    row = (
        _EVENT.pack(8, _microseconds(timestamp), 16, bytes.fromhex(id_), 8, source_id, 8, name.id),
        _NULL if value is None else _numeric_column(value),
        _json_column(properties),
        _json_column(context),
        _shared_time_column(received_at),
        _NULL if original_timestamp is None else _time_column(original_timestamp),
        _NULL if sent_at is None else _shared_time_column(sent_at),
    )
    return EventDraft(name.id, timestamp, value, b"".join(row))


def _microseconds(moment: datetime) -> int:
    """Since 2000, as timestamps are stored."""
    passed = moment - _TIMESTAMP_EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


def _time_column(moment: datetime) -> bytes:
    return _TIME.pack(8, _microseconds(moment))


# The messages of a request came, and mostly were sent, at one time.
_shared_time_column = lru_cache(maxsize=1024)(_time_column)


def _numeric_column(value: Decimal) -> bytes:
    """Raises psycopg.DataError for more digits than PostgreSQL takes."""
    dumped = _dump_numeric(value) or b""
    return _SIZE.pack(len(dumped)) + dumped


def _json_column(text: str) -> bytes:
    content = text.encode()
    return _JSON.pack(len(content) + 1, _JSONB_VERSION) + content


def value_of(properties: str, name: str) -> Decimal | None:
    """The number that a JSON object's text has under the name, exact; None where it has none."""
    if name not in properties:
        return None
    raw = bytes(_members.decode(properties).get(name, b""))
    return Decimal(raw.decode()) if raw[:1] in _NUMBER_STARTS else None


def copy_block(arrivals: Iterable[AttributedEvent]) -> bytes:
    """All that COPY needs to store these events."""
    parts = [_COPY_BEGIN]
    for profile_id, identifier_id, draft in arrivals:
        parts += (_PERSON.pack(_COLUMNS, 8, profile_id, 8, identifier_id), draft.row)
    return b"".join([*parts, _COPY_END])
