"""Events into their months by COPY, and into their statistics by one upsert."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from struct import Struct
from typing import Any, NamedTuple

import msgspec
from django.db import connection
from psycopg.types.numeric import DecimalBinaryDumper

from profiles import sql
from profiles.models import EventName, SeenMessage
from profiles.services.database import array_of

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_dump_numeric = DecimalBinaryDumper(Decimal).dump
# COPY's binary format: columns are written by their size, which is -1 for null.
_COPY_BEGIN, _COPY_END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_JSONB_VERSION = 1
_COLUMNS = 12
_PERSON = Struct(">hiqiq")
_FACTS = Struct(">iqi16siqiq")
_TIME = Struct(">iq")
_JSON = Struct(">ib")
_SIZE = Struct(">i")
_TIMESTAMP_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_NUMBER_STARTS = frozenset(bytes([sign]) for sign in b"-0123456789")


class NameRef(NamedTuple):
    """What an event name is known by, and the property that is its value."""

    id: int
    value_property: str


class EventTimes(NamedTuple):
    """When an event happened, when it came, and what its sender's clock said of both."""

    timestamp: datetime
    received_at: datetime
    original_timestamp: datetime | None
    sent_at: datetime | None


class Draft(NamedTuple):
    """An event before it is known whose it is. `row` is what COPY reads of it, without the person."""

    name_id: int
    timestamp: datetime
    value: Decimal | None
    row: bytes


class Arrival(NamedTuple):
    """An event, whose it is, and by which identifier."""

    profile_id: int
    identifier_id: int
    draft: Draft


def draft_event(
    id_: str, *, source_id: int, name: NameRef, times: EventTimes, properties: str, context: str
) -> Draft:
    """Everything about an event that can be done before the people lock is taken. `id_` is in hexadecimal digits."""
    timestamp, received_at, original_timestamp, sent_at = times
    value = value_of(properties, name.value_property)
    row = (
        _FACTS.pack(8, _microseconds(timestamp), 16, bytes.fromhex(id_), 8, source_id, 8, name.id),
        _NULL if value is None else _numeric_column(value),
        _json_column(properties),
        _json_column(context),
        _shared_time_column(received_at),
        _NULL if original_timestamp is None else _time_column(original_timestamp),
        _NULL if sent_at is None else _shared_time_column(sent_at),
    )
    return Draft(name.id, timestamp, value, b"".join(row))


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


def take_messages(takers: Mapping[str, int], *, day: date) -> set[str]:
    """Mark messages as seen, each in the name of the request it came in, and return those that the request may apply.

    Those were never seen before, or by an earlier attempt of the same request: exact deduplication, without a window.
    """
    with connection.cursor() as cursor:
        cursor.execute(sql.TAKE_MESSAGES, [day, array_of(takers.keys()), array_of(takers.values())])
        return {digest for (digest,) in cursor.fetchall()}


def keep_taken(digest: str, taker: int) -> None:
    """A message took effect before the others of its request: another attempt of the request finds it done."""
    SeenMessage.objects.filter(digest=digest, taken_by=taker).update(taken_by=None)


def is_taken(digest: str, taker: int) -> bool:
    """Whether a message took effect, or will by another request than this one."""
    return SeenMessage.objects.filter(digest=digest).exclude(taken_by=taker).exists()


def forget_messages(takers: Mapping[str, int]) -> None:
    """Unmark messages that took no effect after all, where they are still taken by these requests."""
    if takers:
        taken = SeenMessage.objects.filter(digest__in=takers.keys())
        taken.filter(taken_by__in=set(takers.values())).delete()


def resolve_names(names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], NameRef]:
    """The dictionary's entry of each (kind, name), made where it is new."""
    wanted = set(names)
    found = _find_names(wanted)
    if missing := wanted - found.keys():
        EventName.objects.bulk_create(
            [EventName(kind=kind, name=name) for kind, name in sorted(missing)],
            ignore_conflicts=True,
        )
        found |= _find_names(missing)
    return found


def _find_names(wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], NameRef]:
    rows = EventName.objects.filter(name__in={name for _, name in wanted}).values_list(
        "kind", "name", "id", "value_property"
    )
    return {(kind, name): NameRef(number, value) for kind, name, number, value in rows}


def value_of(properties: str, name: str) -> Decimal | None:
    """The number that a JSON object's text has under the name, exact; None where it has none."""
    if name not in properties:
        return None
    raw = bytes(_members.decode(properties).get(name, b""))
    return Decimal(raw.decode()) if raw[:1] in _NUMBER_STARTS else None


def copy_events(arrivals: Sequence[Arrival]) -> None:
    """Store events, without their statistics."""
    if not arrivals:
        return
    with connection.cursor() as cursor, cursor.copy(sql.COPY_EVENTS) as copy:
        rows = [_COPY_BEGIN]
        for profile_id, identifier_id, draft in arrivals:
            rows += (_PERSON.pack(_COLUMNS, 8, profile_id, 8, identifier_id), draft.row)
        copy.write(b"".join([*rows, _COPY_END]))


def take_back_events(places: Sequence[tuple[int, datetime, str]]) -> None:
    """Delete events by their keys: profile, timestamp, id."""
    if places:
        with connection.cursor() as cursor:
            columns = [array_of(column) for column in zip(*places, strict=True)]
            cursor.execute(sql.TAKE_BACK_EVENTS, columns)


def add_to_stats(arrivals: Sequence[Arrival]) -> None:
    """Add what new events come to to the statistics."""
    if arrivals:
        with connection.cursor() as cursor:
            cursor.execute(sql.ADD_TO_STATS, _added(arrivals))


def _added(arrivals: Sequence[Arrival]) -> list[str]:
    """What the events add to each statistic, as the columns of ADD_TO_STATS."""
    added: dict[tuple[int, int], list[Any]] = {}
    for profile_id, _, (name_id, timestamp, value, _) in arrivals:
        key = (profile_id, name_id)
        stat = added.get(key)
        if stat is None:
            added[key] = [*key, 1, value or Decimal(0), timestamp, timestamp]
            continue
        stat[2] += 1
        if value is not None:
            stat[3] += value
        if timestamp < stat[4]:
            stat[4] = timestamp
        elif timestamp > stat[5]:
            stat[5] = timestamp
    return [array_of(column) for column in zip(*added.values(), strict=True)]


def see_profiles(spans: Mapping[int, tuple[datetime, datetime]]) -> None:
    """Widen the time in which each profile was seen: profile → (first, last)."""
    if not spans:
        return
    ids = sorted(spans)
    firsts, lasts = zip(*(spans[profile] for profile in ids), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(sql.SEE_PROFILES, [array_of(ids), array_of(firsts), array_of(lasts)])


def recompute_stats(profile_ids: Iterable[int]) -> None:
    """Make the statistics of these profiles from their events again."""
    ids = array_of(sorted(set(profile_ids)))
    with connection.cursor() as cursor:
        cursor.execute(sql.DELETE_STATS, [ids])
        cursor.execute(sql.RECOMPUTE_STATS, [ids])
