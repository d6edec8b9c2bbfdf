"""Account records, and what is derived from them: traits, trust and members.

Invariant: accounts and members always equal what the records give. The caller of every function
that writes holds the people lock.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from profiles.accounts import sql
from profiles.accounts.winners import Winner, Winners, join_winners, traits_of, within_limit
from profiles.lib import exact_json
from profiles.lib.change_queue import REFRESH_CHANGED, nudge
from profiles.lib.database import array_of
from profiles.models import Account, AccountChange, TrustLevel
from profiles.traits.golden import merge_record


class AccountRecordKey(NamedTuple):
    """The unique key of an account record."""

    account_id: int
    identifier_id: int
    source_id: int
    trust: int


class AccountStatement(NamedTuple):
    """What one group call states: that a person is in an account, and what the account is like.

    `arrival` is the place of the message among all that arrived.
    """

    account: str
    profile_id: int
    identifier_id: int
    source_id: int
    trust: int
    traits: Mapping[str, Any]
    timestamp: datetime
    at: int  # the same, in epoch microseconds
    arrival: int


@dataclass(slots=True)
class Record:
    """What a record states, `{trait: [value, time, arrival]}`, and since when it says so."""

    first_at: datetime
    traits: dict[str, Any] = field(default_factory=dict)


class Derived(NamedTuple):
    """What the records of an account give."""

    winners: Winners
    is_vouched: bool


Records = dict[AccountRecordKey, Record]


def record_accounts(statements: Sequence[AccountStatement]) -> Counter[int]:
    """Store what group calls state.

    Returns how many traits were left out, since a record is full, by source.

    Members of accounts that change are woken later, all but the people of these statements.
    """
    if not statements:
        return Counter()
    keys = sorted({statement.account for statement in statements})
    created = {account_id for (account_id,) in _rows(sql.ADD_ACCOUNTS, [keys])}
    ids: dict[str, int] = {}
    stored: dict[int, Derived] = {}
    for account_id, key, is_vouched, winners in _rows(sql.ACCOUNTS_BY_KEY, [keys]):
        ids[key] = account_id
        stored[account_id] = Derived(_read_winners(winners), is_vouched)
    records = _records_named_by(statements, ids)
    left_out = _merge(statements, ids, records)
    _store_records(records)
    derived = {
        account_id: _joined(stored[account_id], of_account)
        for account_id, of_account in _by_account(records).items()
    }
    _store_derived(stored, derived, silent=created)
    _store_members(statements, ids)
    return left_out


def refold_accounts(account_ids: Collection[int]) -> None:
    """Derive accounts anew from their records. One without any is deleted."""
    if not account_ids:
        return
    stored = {
        account_id: Derived(_read_winners(winners), is_vouched)
        for account_id, _, is_vouched, winners, _ in _rows(
            sql.ACCOUNTS_BY_ID, [array_of(account_ids)]
        )
    }
    derived = derive_accounts(stored)
    gone = stored.keys() - derived.keys()
    _store_derived(stored, derived)
    AccountChange.objects.filter(account_id__in=gone).delete()
    Account.objects.filter(pk__in=gone).delete()


def derive_accounts(account_ids: Iterable[int]) -> dict[int, Derived]:
    """Return what the records of accounts give; nothing of one without records."""
    nothing = Derived({}, is_vouched=False)
    return {
        account_id: _joined(nothing, records)
        for account_id, records in _by_account(load_records(account_ids)).items()
    }


def load_records(account_ids: Iterable[int]) -> Records:
    """Return all records of accounts."""
    return _read_records(_rows(sql.RECORDS_OF_ACCOUNTS, [array_of(account_ids)]))


def _records_named_by(statements: Sequence[AccountStatement], ids: Mapping[str, int]) -> Records:
    pairs = sorted({(ids[each.account], each.identifier_id) for each in statements})
    accounts, identifiers = (array_of(column) for column in zip(*pairs, strict=True))
    return _read_records(_rows(sql.SOME_RECORDS, [accounts, identifiers]))


def _read_records(rows: Iterable[tuple[Any, ...]]) -> Records:
    return {
        AccountRecordKey(*key): Record(first_at, exact_json.loads(traits))
        for *key, first_at, traits in rows
    }


def _read_winners(text: str) -> Winners:
    return {key: Winner(*winner) for key, winner in exact_json.loads(text).items()}


def _merge(
    statements: Sequence[AccountStatement], ids: Mapping[str, int], records: Records
) -> Counter[int]:
    left_out: Counter[int] = Counter()
    for each in statements:
        key = AccountRecordKey(ids[each.account], each.identifier_id, each.source_id, each.trust)
        record = records.setdefault(key, Record(each.timestamp))
        record.first_at = min(record.first_at, each.timestamp)
        traits = within_limit(record.traits, each.traits)
        left_out[each.source_id] += len(each.traits) - len(traits)
        merge_record(record.traits, traits, each.at, each.arrival)
    return +left_out


def _by_account(records: Records) -> dict[int, Records]:
    by_account: dict[int, Records] = defaultdict(dict)
    for key, record in records.items():
        by_account[key.account_id][key] = record
    return by_account


def _joined(derived: Derived, records: Records) -> Derived:
    winners = join_winners(derived.winners, _statements_in(records))
    trusts = {key.trust for key in records}
    return Derived(winners, derived.is_vouched or max(trusts) >= TrustLevel.SERVER)


def _statements_in(records: Records) -> Iterator[tuple[str, Winner]]:
    for key, record in records.items():
        for trait, (value, at, arrival) in record.traits.items():
            yield trait, Winner(value, at, arrival, key.trust, key.source_id, key.identifier_id)


def _store_records(records: Records) -> None:
    # Sorted by key, so that upserts of two transactions cannot deadlock.
    keys = sorted(records)
    columns = [array_of(column) for column in zip(*keys, strict=True)]
    first_at = [records[key].first_at for key in keys]
    texts = [exact_json.dumps_sorted(records[key].traits) for key in keys]
    _execute(sql.UPSERT_RECORDS, [*columns, first_at, texts])


def _store_derived(
    stored: Mapping[int, Derived],
    derived: Mapping[int, Derived],
    silent: Collection[int] = frozenset(),
) -> None:
    """Write what differs, and queue the accounts whose members may be evaluated otherwise.

    Those of `silent` have no members that are not evaluated anyway.
    """
    changed = {pk: each for pk, each in sorted(derived.items()) if each != stored[pk]}
    if not changed:
        return
    rows = [
        (exact_json.dumps_sorted(traits_of(each.winners)), exact_json.dumps_sorted(each.winners))
        for each in changed.values()
    ]
    traits, winners = (list(column) for column in zip(*rows, strict=True))
    is_vouched = [each.is_vouched for each in changed.values()]
    _execute(sql.SET_ACCOUNTS, [array_of(changed), traits, winners, is_vouched])
    mark_accounts(
        pk
        for pk, each in changed.items()
        if pk not in silent and _seen_by_members(each) != _seen_by_members(stored[pk])
    )


def _seen_by_members(derived: Derived) -> tuple[str, bool]:
    return exact_json.dumps_sorted(traits_of(derived.winners)), derived.is_vouched


def mark_accounts(account_ids: Iterable[int]) -> None:
    """Have the members of these accounts woken, in the transaction that changed the accounts."""
    if ids := sorted(account_ids):
        _execute(sql.MARK_ACCOUNTS, [array_of(ids)])
        nudge(REFRESH_CHANGED)


def _store_members(statements: Sequence[AccountStatement], ids: Mapping[str, int]) -> None:
    members: dict[tuple[int, int, int], tuple[bool, datetime]] = {}
    for each in statements:
        key = (each.profile_id, ids[each.account], each.identifier_id)
        is_vouched, first_at = members.get(key, (False, each.timestamp))
        is_vouched = is_vouched or each.trust >= TrustLevel.SERVER
        members[key] = is_vouched, min(first_at, each.timestamp)
    columns = [array_of(column) for column in zip(*sorted(members), strict=True)]
    is_vouched_column = [members[key][0] for key in sorted(members)]
    first_column = [members[key][1] for key in sorted(members)]
    _execute(sql.UPSERT_MEMBERS, [*columns, is_vouched_column, first_column])


def _rows(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _execute(statement: str, parameters: Sequence[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
