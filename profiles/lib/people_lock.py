"""The people lock: one advisory lock for all changes to identities and to permitted processing.

Invariant: a writer takes the lock first and reads what it decides by in later statements. A gate
read before the lock would let an erased person slip in.
"""

from django.db import connection

# Any number that no other advisory lock in the database uses.
PEOPLE_LOCK = 0x7E55_E8A0


def people_lock(*, shared: bool = False) -> None:
    """Wait for the people lock and keep it until the transaction ends.

    A shared lock is enough for writers that only add rows to identifiers already known. Raises
    RuntimeError outside a transaction.
    """
    if not connection.in_atomic_block:
        # In autocommit mode the lock would be released again at once.
        raise RuntimeError("The people lock is held by a transaction, and there is none.")
    statement = (
        "SELECT pg_advisory_xact_lock_shared(%s)" if shared else "SELECT pg_advisory_xact_lock(%s)"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [PEOPLE_LOCK])
