"""Events into their months by COPY, and into their statistics by one upsert."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from django.db import connection

from profiles import sql
from profiles.models import EventName, SeenMessage
from profiles.services.database import listed

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
NULL = "\\N"
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
    """An event before it is known whose it is. `text` is its row as COPY reads it, without the person."""

    name_id: int
    timestamp: datetime
    value: Decimal | None
    text: str


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
    text = (
        f"{timestamp.isoformat()}\t{id_}\t{source_id}\t{name.id}\t"
        f"{NULL if value is None else value}\t{_copied(properties)}\t{_copied(context)}\t"
        f"{received_at.isoformat()}\t"
        f"{NULL if original_timestamp is None else original_timestamp.isoformat()}\t"
        f"{NULL if sent_at is None else sent_at.isoformat()}\n"
    )
    return Draft(name.id, timestamp, value, text)


def _copied(text: str) -> str:
    """The text as a column of COPY's text format."""
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    if "\n" in text or "\t" in text or "\r" in text:
        text = text.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    return text


def take_unseen(digests: Sequence[str], *, day: date) -> set[str]:
    """Mark messages as seen and return those that were not: exact deduplication, without a window."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SEE_MESSAGES, [day, listed(digests)])
        return {digest for (digest,) in cursor.fetchall()}


def forget_seen(digests: Sequence[str]) -> None:
    """Unmark messages that took no effect after all."""
    if digests:
        SeenMessage.objects.filter(digest__in=digests).delete()


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


def store_events(arrivals: Sequence[Arrival]) -> None:
    """Store events and add what they come to to the statistics. In the caller's transaction."""
    if not arrivals:
        return
    with connection.cursor() as cursor:
        with cursor.copy(sql.COPY_EVENTS) as copy:
            copy.write(
                "".join(
                    f"{profile_id}\t{identifier_id}\t{draft.text}"
                    for profile_id, identifier_id, draft in arrivals
                )
            )
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
    return [listed(column) for column in zip(*added.values(), strict=True)]


def see_profiles(spans: Mapping[int, tuple[datetime, datetime]]) -> None:
    """Widen the time in which each profile was seen: profile → (first, last)."""
    if not spans:
        return
    ids = sorted(spans)
    firsts, lasts = zip(*(spans[profile] for profile in ids), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(sql.SEE_PROFILES, [listed(ids), listed(firsts), listed(lasts)])


def recompute_stats(profile_ids: Iterable[int]) -> None:
    """Make the statistics of these profiles from their events again."""
    ids = sorted(set(profile_ids))
    with connection.cursor() as cursor:
        cursor.execute(sql.DELETE_STATS, [ids])
        cursor.execute(sql.RECOMPUTE_STATS, [ids])
