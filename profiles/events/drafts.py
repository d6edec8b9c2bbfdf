"""Events on their way into the store: drafted before anybody knows whose they are.

Invariant: the columns of a draft, behind the two of its owner, are those of `sql.COPY_EVENTS` in
its order.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from profiles.events.names import NameRef

_member_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])

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
    """An event that is not attributed yet. `columns` are those of its row without the owner's.

    `is_value_left_out` says that its value is too large or too long to be summed up.
    """

    name_id: int
    timestamp: datetime
    value: Decimal | None
    columns: tuple[Any, ...]
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

    `id_` is 32 hexadecimal digits, `properties` and `context` are texts of JSON objects.
    """
    stated = value_of(properties, name.value_property)
    value = stated if stated is None or _is_summable(stated) else None
    columns = (
        times.timestamp,
        UUID(hex=id_),
        source_id,
        name.id,
        value,
        _json(properties),
        _json(context),
        times.received_at,
        times.original_timestamp,
        times.sent_at,
        times.arrival,
    )
    return EventDraft(name.id, times.timestamp, value, columns, stated is not value)


def _json(text: str) -> Jsonb:
    # A text that is JSON already: the driver would make a JSON string of it.
    return Jsonb(text, dumps=str)


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
