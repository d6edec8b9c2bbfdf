"""Connections to other databases.

Invariant: a connection lives as long as one block and is never kept for another. Whatever fails at
the other database is a SqlFault, and never an error of our own database.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from profiles.lib.databases.dialects import Session, database_of
from profiles.lib.databases.faults import ERRORS, SqlFault, WrongAddress, sql_fault


@contextmanager
def connected(url: URL, session: Session) -> Iterator[Connection]:
    """Give a connection to the other database. Raises SqlFault for whatever fails at it."""
    database = database_of(url)
    # The statement is compiled by the address; the driver never sees it.
    engine = create_engine(
        URL.create(url.drivername), creator=lambda: database.open(url, session), poolclass=NullPool
    )
    with faults_of_the_other_database():
        connection = engine.connect()
    try:
        yield connection
    finally:
        _hang_up(connection)
        engine.dispose()


@contextmanager
def faults_of_the_other_database() -> Iterator[None]:
    """Raise SqlFault for what the other database, its driver or the way to it raises."""
    try:
        yield
    except WrongAddress as wrong:
        # The folder, or who is trusted, has changed since the address was saved.
        raise SqlFault(wrong.code, is_final=True) from None
    except ERRORS as error:
        raise sql_fault(error) from None


def _hang_up(connection: Connection) -> None:
    """Close a connection without reading what is left of a result, which may be much."""
    raw = connection.connection.dbapi_connection
    force = getattr(raw, "_force_close", None)
    try:
        if force is not None:
            # PyMySQL would read all rows that the statement still has.
            force()
            connection.invalidate()
        connection.close()
    except ERRORS:
        # It is of no use any more in any case.
        pass
