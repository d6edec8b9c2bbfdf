"""Events in COPY's binary format, which saves the server parsing every timestamp and UUID.

The format is described in PostgreSQL's manual under COPY, "Binary Format". Invariant: the columns
written here are those of `sql.COPY_EVENTS`, in its order.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

import msgspec
from psycopg.types.numeric import DecimalBinaryDumper

from profiles.events.names import NameRef

_member_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_dump_numeric = DecimalBinaryDumper(Decimal).dump

# The file header is a signature, 32 bits of flags and the size of an extension; the trailer is -1
# where a row has its number of columns.
_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_TRAILER = b"\xff\xff"
_COLUMNS = 13
# Each column is its size in bytes, -1 for null, and its content. The structs pack sizes and
# contents of several columns at once.
_NULL = b"\xff\xff\xff\xff"
_SIZE = Struct(">i")
_OWNER_COLUMNS = Struct(">hiqiq")  # number of columns, profile_id, identifier_id
_EVENT_COLUMNS = Struct(">iqi16siqiq")  # timestamp, id, source_id, name_id
_TIME_COLUMN = _INTEGER_COLUMN = Struct(">iq")
_JSONB_PREFIX = Struct(">ib")  # size and format version of a jsonb value
_JSONB_VERSION = 1
_TIMESTAMP_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MAX_VALUE = Decimal(10) ** 15
_TEN_PLACES = Decimal("1e-10")
_NUMBER_STARTS = frozenset(bytes([sign]) for sign in b"-0123456789")


class EventTimes(NamedTuple):
    """An event's corrected time, its time of receipt, and both times by the sender's clock.

    `arrival` is its message's place among all that arrived.
    """

    timestamp: datetime
    received_at: datetime
    original_timestamp: datetime | None
    sent_at: datetime | None
    arrival: int


class EventDraft(NamedTuple):
    """An event that is not attributed yet. `row` is its COPY row without the owner's columns.

    `is_value_left_out` says that its value is too large or too long to be summed up.
    """

    name_id: int
    timestamp: datetime
    value: Decimal | None
    row: bytes
    is_value_left_out: bool = False


class AttributedEvent(NamedTuple):
    """An event, its profile, and the identifier by which it belongs to the profile."""

    profile_id: int
    identifier_id: int
    draft: EventDraft


def draft_event(
    id_: str, *, source_id: int, name: NameRef, times: EventTimes, properties: str, context: str
) -> EventDraft:
    """Prepare all of an event that needs no profile, so that it is done before the people lock.

    `id_` is 32 hexadecimal digits.
    """
    timestamp, received_at, original_timestamp, sent_at, arrival = times
    stated = value_of(properties, name.value_property)
    value = stated if stated is None or _is_summable(stated) else None
    row = (
        _EVENT_COLUMNS.pack(
            8, _microseconds(timestamp), 16, bytes.fromhex(id_), 8, source_id, 8, name.id
        ),
        _NULL if value is None else _numeric_column(value),
        _json_column(properties),
        _json_column(context),
        _shared_time_column(received_at),
        _NULL if original_timestamp is None else _time_column(original_timestamp),
        _NULL if sent_at is None else _shared_time_column(sent_at),
        _INTEGER_COLUMN.pack(8, arrival),
    )
    return EventDraft(name.id, timestamp, value, b"".join(row), stated is not value)


def _microseconds(moment: datetime) -> int:
    """Return the microseconds since 2000, which is how PostgreSQL stores a timestamp."""
    elapsed = moment - _TIMESTAMP_EPOCH
    # Integers, since total_seconds() is a float and loses microseconds.
    return (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds


def _time_column(moment: datetime) -> bytes:
    return _TIME_COLUMN.pack(8, _microseconds(moment))


# All messages of a request have one time of receipt, and mostly one time of sending.
_shared_time_column = lru_cache(maxsize=1024)(_time_column)


def _numeric_column(value: Decimal) -> bytes:
    dumped = _dump_numeric(value) or b""
    return _SIZE.pack(len(dumped)) + dumped


def _json_column(text: str) -> bytes:
    content = text.encode()
    return _JSONB_PREFIX.pack(len(content) + 1, _JSONB_VERSION) + content


def value_of(properties: str, name: str) -> Decimal | None:
    """Return the exact number that a JSON object's text has under the name, or None."""
    # Most events have no value: test the text before decoding the object. A name may also be spelt
    # with escapes.
    if name not in properties and "\\" not in properties:
        return None
    raw = bytes(_member_decoder.decode(properties).get(name, b""))
    return Decimal(raw.decode()) if raw[:1] in _NUMBER_STARTS else None


def _is_summable(value: Decimal) -> bool:
    """Whether the value is under 10^15 and of at most 10 decimal places, as the columns of sums."""
    return abs(value) < MAX_VALUE and value == value.quantize(_TEN_PLACES)


def copy_block(events: Iterable[AttributedEvent]) -> bytes:
    """Return the whole input of COPY that stores these events."""
    parts = [_COPY_HEADER]
    for profile_id, identifier_id, draft in events:
        parts += (_OWNER_COLUMNS.pack(_COLUMNS, 8, profile_id, 8, identifier_id), draft.row)
    return b"".join([*parts, _COPY_TRAILER])
