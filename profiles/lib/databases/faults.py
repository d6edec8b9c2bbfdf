"""What can go wrong at another database, as a word.

Invariant: a word names a kind of error. The text of an error is never kept, since it may quote the
address, a parameter or a value of a row.
"""

import sqlite3

import psycopg
import pymysql
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from profiles.lib.faults import fault_word
from profiles.lib.outgoing import NotCalled

# Of MySQL: no such column, no such table, syntax. Of SQLite: any error of the statement itself.
_MYSQL_MISTAKES = frozenset({1054, 1064, 1146})
# Of MySQL: a value that is too long, of another kind, missing, there already, or out of range.
_MYSQL_VALUES = frozenset({1048, 1062, 1264, 1265, 1292, 1366, 1406, 3140})


class SqlFault(Exception):
    """Another database did not do what it was asked for.

    `is_final` says that trying again would not help, `is_about_values` that other values would do.
    """

    def __init__(self, word: str, *, is_final: bool = False, is_about_values: bool = False) -> None:
        super().__init__(word)
        self.word, self.is_final, self.is_about_values = word, is_final, is_about_values


class WrongAddress(ValueError):
    """The address of a database is none that is reached: a stable code, and what would be right."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


# What the other database, its driver, or the way to it may raise.
ERRORS = (
    SQLAlchemyError,
    psycopg.Error,
    pymysql.Error,
    sqlite3.Error,
    NotCalled,
    OSError,
    # Texts and dates that the driver cannot read.
    ValueError,
)


def sql_fault(error: Exception) -> SqlFault:
    """Return what an error of the other database means for whoever asked."""
    if isinstance(error, NotCalled):
        return SqlFault(error.code)
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(cause, sqlite3.Error):
        name = str(getattr(cause, "sqlite_errorname", "sqlite_error")).lower()
        return SqlFault(name, is_final=name == "sqlite_error")
    if isinstance(cause, pymysql.Error):
        number = cause.args[0] if cause.args and isinstance(cause.args[0], int) else 0
        return SqlFault(
            f"mysql_{number}",
            is_final=number in _MYSQL_MISTAKES,
            is_about_values=number in _MYSQL_VALUES,
        )
    assert isinstance(cause, Exception)  # noqa: S101  (for the type checker)
    return SqlFault(
        fault_word(cause),
        is_final=isinstance(cause, psycopg.ProgrammingError),
        is_about_values=isinstance(cause, psycopg.DataError | psycopg.IntegrityError),
    )
