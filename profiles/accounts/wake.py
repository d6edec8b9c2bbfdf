"""Waking the members of accounts that changed, in batches and without the people lock.

Invariant: a change is deleted in the transaction that wakes its last members, so that a worker
killed at any line leaves the rest in the queue.
"""

from django.db import connection, transaction

from profiles.accounts import sql
from profiles.lib.change_queue import mark_changed
from profiles.models import AccountChange

BATCH = 5_000


def wake_members(*, batch: int = BATCH) -> int:
    """Queue the members of all accounts that changed; return how many there were.

    Changes that another worker has begun are left to it.
    """
    total = 0
    while (woken := _wake_some(batch)) is not None:
        total += woken
    return total


@transaction.atomic
def _wake_some(batch: int) -> int | None:
    """Queue the next members of one account; None where no change is left to this worker."""
    with connection.cursor() as cursor:
        cursor.execute(sql.TAKE_CHANGE)
        change = cursor.fetchone()
        if change is None:
            return None
        change_id, account_id, woken_to = change
        if not woken_to:
            cursor.execute(sql.DELETE_OTHER_CHANGES, [account_id, change_id])
        cursor.execute(sql.NEXT_MEMBERS, [account_id, woken_to, batch])
        members = [profile_id for (profile_id,) in cursor.fetchall()]
    mark_changed(members)
    if len(members) < batch:
        AccountChange.objects.filter(pk=change_id).delete()
    else:
        AccountChange.objects.filter(pk=change_id).update(woken_to=members[-1])
    return len(members)
