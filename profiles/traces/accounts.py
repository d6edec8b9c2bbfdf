"""Taking erased people out of what others state of accounts, and out of the keys of accounts."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection

from profiles.accounts import sql
from profiles.accounts.records import refold_accounts
from profiles.lib import exact_json
from profiles.lib.people_lock import people_lock
from profiles.models import Account
from profiles.registry import Cleaner
from profiles.traces.sweep import cleaned_record, in_batches

_KEY_LENGTH = 255


def sweep_account_records(clean: Cleaner) -> int:
    """Clean what is stated of accounts, and derive these again; return how many records changed."""
    stained = [
        record_id
        for rows in in_batches(sql.ALL_RECORDS)
        for record_id, _, record in _records([row for row in rows if clean.may_change(row[2])])
        if cleaned_record(record, clean) != record
    ]
    if not stained:
        return 0
    people_lock()
    stale = set()
    with connection.cursor() as cursor:
        # Read again: a newer statement may have come before the lock.
        cursor.execute(sql.RECORDS_BY_ID, [stained])
        for record_id, account_id, record in _records(cursor.fetchall()):
            text = exact_json.dumps_sorted(cleaned_record(record, clean))
            cursor.execute(sql.SET_RECORD, [text, record_id])
            stale.add(account_id)
    refold_accounts(stale)
    return len(stained)


def sweep_account_keys(clean: Cleaner) -> int:
    """Clean the keys of accounts; return how many changed."""
    rows = [row for row in Account.objects.only("key") if clean.may_change(row.key)]
    changed = 0
    for row, cleaned in zip(rows, clean([[row.key] for row in rows]), strict=True):
        if cleaned != [row.key]:
            # With its number, so that two accounts that are now alike stay two.
            text = cleaned[0] if cleaned else "[erased]"
            Account.objects.filter(pk=row.pk).update(key=f"{text[: _KEY_LENGTH - 21]} {row.pk}")
            changed += 1
    return changed


def _records(rows: Sequence[Any]) -> Iterator[tuple[int, int, dict[str, Any]]]:
    for record_id, account_id, text in rows:
        yield record_id, account_id, exact_json.loads(text)
