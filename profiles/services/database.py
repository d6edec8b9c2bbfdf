"""The people lock, the database's clock, and its way in for large values.

Invariant: whoever changes who is who, or what may be done with a person, first takes the people lock and only then reads, in
later statements, what it decides by. A gate that is read before the lock lets an erased person slip in.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg
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


@contextmanager
def binary_cursor() -> Iterator[psycopg.Cursor[Any]]:
    """A cursor that sends parameters apart from the statement and, at %b, in binary: for large values.

    Django's own writes them into the statement's text.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        yield cursor


def array_of(values: Iterable[object]) -> str:
    """An array's literal, of values that need no quoting: numbers, days, times, digests.

    The driver writes a list element by element, which takes far longer.
    """
    return "{" + ",".join(map(str, values)) + "}"


def database_now() -> datetime:
    """The database's clock at this statement, which all workers share; not the transaction's start."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
        return now
