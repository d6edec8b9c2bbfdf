"""The people lock: one transaction advisory lock for whoever changes who is who, or what may be done with a person.

Invariant: it is taken first, and what is decided by is read in later statements. A gate that is read before the lock lets an
erased person slip in.
"""

from django.db import connection

# Any constant will do, as long as nobody else in the database uses it.
PEOPLE_LOCK = 0x7E55_E8A0


def people_lock(*, shared: bool = False) -> None:
    """Wait for the people lock and hold it until the transaction ends.

    Shared holders may only add what hangs on known identifiers. Raises where there is no transaction to hold it.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("The people lock is held by a transaction, and there is none.")
    statement = (
        "SELECT pg_advisory_xact_lock_shared(%s)" if shared else "SELECT pg_advisory_xact_lock(%s)"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [PEOPLE_LOCK])
