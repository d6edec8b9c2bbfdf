"""Access to the database below the ORM: its clock, array literals, binary parameters, snapshots."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg
from django.db import connection, transaction
from django.db.models import BooleanField, F, Func, Value

from profiles.lib import sql as lib_sql


@contextmanager
def binary_cursor() -> Iterator[psycopg.Cursor[Any]]:
    """Give a cursor that sends parameters apart from the statement, and in binary at %b.

    Use it for large values. Django's own cursor writes every value into the statement's text.
    """
    # The cursor bypasses Django, which would otherwise open the connection on first use.
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        yield cursor


def array_of(values: Iterable[object]) -> str:
    """Return an array literal of values that need no quoting: numbers, days, times, digests.

    The driver adapts a list element by element, which takes far longer.
    """
    return "{" + ",".join(map(str, values)) + "}"


def any_of(field: str, ids: Iterable[int]) -> Func:
    """Return a condition for `filter`: the field is one of these numbers, however many.

    Django's own `__in` checks and quotes each of them, which takes longer than to find the rows.
    """
    return Func(
        F(field),
        Value(array_of(ids)),
        template="%(expressions)s::bigint[])",
        arg_joiner=" = ANY(",
        output_field=BooleanField(),
    )


def database_now() -> datetime:
    """Return the database's clock, which all workers share, at this statement."""
    with connection.cursor() as cursor:
        # Not now(), which stands still at the start of the transaction.
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
        return now


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Run the block in a transaction or savepoint in which no statement may take longer.

    A statement that does raises OperationalError, whose cause is psycopg's QueryCanceled. The limit
    of the caller's own transaction holds again afterwards.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(lib_sql.EXCHANGE_TIMEOUT, [f"{int(seconds * 1000)}ms"])
        former, _ = cursor.fetchone()
        yield
        # A rollback of the savepoint takes the setting back by itself.
        cursor.execute(lib_sql.EXCHANGE_TIMEOUT, [former])


@contextmanager
def consistent_snapshot() -> Iterator[None]:
    """Have all reads of the block see the database at one moment."""
    if connection.in_atomic_block:
        # The isolation level is fixed by a transaction's first statement: too late to change it.
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(lib_sql.READ_ONE_SNAPSHOT)
        yield
