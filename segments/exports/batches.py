"""Reading people for an export: a batch at a time, each behind the gate as of its own instant.

Invariant: of somebody who does not permit the purpose when their batch is read, nothing but the
reason is returned, and a segment that is closed meanwhile ends the export.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection

from consent.models import Purpose
from consent.services import PERMITTED
from profiles.admin.kit.masks import Mask
from profiles.lib import exact_json
from profiles.lib.database import any_of, array_of, database_now
from profiles.models import EventStat, Identifier
from profiles.services import accounts_of
from segments.compiler.fragments import fill, fill_named
from segments.exports import sql
from segments.exports.columns import ACCOUNTS, ORDER_COLUMNS, Column
from segments.exports.people import People
from segments.lib.left_out import reason_of

BATCH = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is exported: the columns of those of some people who permit a purpose."""

    people: People
    purpose: Purpose
    columns: Sequence[Column]
    mask: Mask


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of some people, one value for each column, and who was left out of them.

    `read` of them were looked at, and `written` are the public ids of those who are in the rows.
    """

    read: int
    rows: list[list[Any]]
    left_out: Counter[str] = field(default_factory=Counter)
    written: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True)
class _Member:
    profile_id: int
    since: datetime | None
    uuid: UUID
    last_seen_at: datetime
    is_permitted: bool
    traits: str | None
    is_restricted: bool
    state: str | None
    is_objected: bool | None
    valid_until: datetime | None


def read_batches(wanted: Wanted, *, after: int = 0, size: int = BATCH) -> Iterator[Batch]:
    """Yield all people in batches, those with profiles from `after` on.

    Each is read when it is asked for, in six queries at most. Raises Closed.
    """
    while ids := wanted.people.ids_after(after, size):
        yield _batch(wanted, len(ids), _read(wanted, ids))
        after = ids[-1]


def _read(wanted: Wanted, ids: Sequence[int]) -> list[_Member]:
    parts = wanted.people.parts(ids)
    statement = fill(
        sql.GATED_BATCH,
        permitted=fill_named(PERMITTED, {"purpose": wanted.purpose.key, "at": database_now()}),
        purpose=wanted.purpose.pk,
        joins=parts.joins,
        since=parts.since,
        holds=parts.holds,
        ids=array_of(ids),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
        return [_Member(*row) for row in cursor.fetchall()]


def _batch(wanted: Wanted, read: int, members: Sequence[_Member]) -> Batch:
    permitted = [member for member in members if member.is_permitted]
    now = database_now()
    left_out = Counter(str(reason_of(member, now)) for member in members if not member.is_permitted)
    ids = [member.profile_id for member in permitted]
    names = {column.name for column in wanted.columns}
    beside = _Beside(
        orders=_orders(ids) if not names.isdisjoint(ORDER_COLUMNS) else {},
        accounts=_accounts(ids) if ACCOUNTS in names else {},
        identifiers=_identifiers(ids, [c.namespace for c in wanted.columns if c.namespace]),
    )
    rows = [
        [_value(column, member, traits, beside, wanted.mask) for column in wanted.columns]
        for member in permitted
        for traits in [exact_json.loads(member.traits or "{}")]
    ]
    return Batch(read, rows, left_out, [member.uuid for member in permitted])


class _Orders(NamedTuple):
    """The orders of a person: how many, their value, and when the last one was."""

    times: int
    value: Decimal
    last_at: datetime


@dataclass(frozen=True, slots=True)
class _Beside:
    """What stands beside the members of a batch, as far as columns ask for it."""

    orders: Mapping[int, _Orders]
    accounts: Mapping[int, Sequence[str]]
    identifiers: Mapping[tuple[int, str], Sequence[str]]


def _accounts(profile_ids: Sequence[int]) -> dict[int, list[str]]:
    """Return the keys of the accounts that people count as members of, the first first."""
    return {
        profile_id: [each.account.key for each in accounts if each.counts]
        for profile_id, accounts in accounts_of(profile_ids).items()
    }


def _orders(profile_ids: Sequence[int]) -> dict[int, _Orders]:
    stats = EventStat.objects.filter(
        any_of("profile_id", profile_ids), name__kind="track", name__name=settings.ORDER_EVENT
    )
    rows = stats.values_list("profile_id", "count", "sum", "last_at")
    return {profile_id: _Orders(count, value, at) for profile_id, count, value, at in rows}


def _identifiers(
    profile_ids: Sequence[int], namespaces: Sequence[str]
) -> Mapping[tuple[int, str], list[str]]:
    values: dict[tuple[int, str], list[str]] = {}
    if namespaces:
        rows = Identifier.objects.filter(
            any_of("profile_id", profile_ids), namespace__in=namespaces
        )
        plain = rows.filter(quarantined_at=None).order_by("profile_id", "value")
        for profile_id, namespace, value in plain.values_list("profile_id", "namespace", "value"):
            values.setdefault((profile_id, namespace), []).append(value)
    return values


def _value(
    column: Column,
    member: _Member,
    traits: Mapping[str, Any],
    beside: _Beside,
    mask: Mask,
) -> Any:
    if column.trait:
        value = traits.get(column.trait)
        return None if value is None else mask.trait(column.trait, value)
    if column.namespace:
        values = beside.identifiers.get((member.profile_id, column.namespace), [])
        return [mask.identifier(column.namespace, value) for value in values]
    stat = beside.orders.get(member.profile_id)
    match column.name:
        case "accounts":
            return [mask.tree(key) for key in beside.accounts.get(member.profile_id, [])]
        case "id":
            return str(member.uuid)
        case "entered_at":
            return member.since
        case "last_seen_at":
            return member.last_seen_at
        case "orders":
            return stat.times if stat else 0
        case "value":
            return stat.value.normalize() if stat else 0
        case _:
            return stat.last_at if stat else None
