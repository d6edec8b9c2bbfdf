"""Finding drift of accounts: what is derived differs from what the records give.

Invariant: it only reads, in batches of accounts.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db import connection

from profiles.accounts import sql
from profiles.accounts.records import Records, derive_accounts, load_records
from profiles.accounts.winners import traits_of
from profiles.lib import exact_json
from profiles.lib.database import array_of
from profiles.models import Account, AccountMember, TrustLevel

ACCOUNTS_PER_BATCH = 1_000
OTHERWISE = "traits or trust of an account differ from what sources say"
MEMBERS = "members of an account differ from those whom sources name"

# By account and identifier: whether it is vouched, and since when.
Members = dict[tuple[int, int], tuple[bool, datetime]]


def drifted_accounts() -> Iterator[tuple[str, int]]:
    """Yield the kind of each drift, and the number of its account."""
    last = 0
    while batch := _accounts_after(last):
        yield from ((OTHERWISE, account_id) for account_id in _otherwise(batch))
        yield from ((MEMBERS, account_id) for account_id in _other_members(batch))
        last = batch[-1]


def _accounts_after(last: int) -> list[int]:
    ids = Account.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)
    return list(ids[:ACCOUNTS_PER_BATCH])


def _otherwise(account_ids: Sequence[int]) -> Iterator[int]:
    derived = derive_accounts(account_ids)
    with connection.cursor() as cursor:
        cursor.execute(sql.ACCOUNTS_BY_ID, [array_of(account_ids)])
        rows = cursor.fetchall()
    for account_id, _, is_vouched, winners, traits in rows:
        expected = derived.get(account_id)
        stored = (exact_json.loads(winners), exact_json.loads(traits), is_vouched)
        if expected is None or stored != (
            {key: list(winner) for key, winner in expected.winners.items()},
            traits_of(expected.winners),
            expected.is_vouched,
        ):
            yield account_id


def _other_members(account_ids: Sequence[int]) -> list[int]:
    stored: Members = {
        (account_id, identifier_id): (is_vouched, first_at)
        for account_id, identifier_id, is_vouched, first_at in AccountMember.objects.filter(
            account_id__in=account_ids
        ).values_list("account_id", "identifier_id", "is_vouched", "first_at")
    }
    expected = members_in(load_records(account_ids))
    differing = {key for key in stored.keys() | expected if stored.get(key) != expected.get(key)}
    return sorted({account_id for account_id, _ in differing})


def members_in(records: Records) -> Members:
    """Return the members that records give."""
    members: Members = {}
    for key, record in records.items():
        pair = key.account_id, key.identifier_id
        is_vouched, first_at = members.get(pair, (False, record.first_at))
        members[pair] = (
            is_vouched or key.trust >= TrustLevel.SERVER,
            min(first_at, record.first_at),
        )
    return members
