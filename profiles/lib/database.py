"""The database's clock, its literals of arrays, and its way in for large values."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg
from django.db import connection, transaction

from profiles.lib import sql as lib_sql


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


@contextmanager
def one_snapshot() -> Iterator[None]:
    """All reads see the same moment. Within a transaction of the caller's, they see that one's."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(lib_sql.READ_ONE_SNAPSHOT)
        yield
