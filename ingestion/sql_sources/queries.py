"""The statements on the other database: the query of staff, wrapped.

Invariant: values are bound parameters, and the query stands in parentheses as staff wrote it.
SQLAlchemy writes the statement in the dialect of the database.
"""

import re
from datetime import datetime
from typing import Any

from sqlalchemy import (
    TIMESTAMP,
    ColumnElement,
    DateTime,
    Select,
    column,
    func,
    literal,
    literal_column,
    select,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement, Executable, Subquery

from ingestion.sql_sources.faults import WrongSqlSource

MAX_QUERY = 20_000
_START = re.compile(r"\s*(select|with)\b", re.IGNORECASE)


def checked_query(query: str) -> str:
    """Return a query that may be asked. Raises WrongSqlSource.

    That it writes nothing is held by the transaction, which is read-only, and by the database role.
    """
    stripped = query.strip().removesuffix(";").rstrip()
    if ";" in stripped:
        raise WrongSqlSource("query", "semicolon", "one statement, without a semicolon in it")
    if not _START.match(stripped):
        raise WrongSqlSource("query", "not_a_select", "a query that begins with SELECT or WITH")
    if len(stripped) > MAX_QUERY or "\0" in stripped:
        raise WrongSqlSource("query", "too_long", f"at most {MAX_QUERY} characters, without NUL")
    return stripped


def rows_from(query: str, cursor_column: str, position: Any) -> Select[Any]:
    """Return the statement for the rows from a position on, it included, in the cursor's order.

    Rows that have the value of the position are read again: some of them may not have been read.
    """
    inner, cursor = _wrapped(query, cursor_column)
    statement: Select[Any] = select(literal_column("*")).select_from(inner).order_by(cursor)
    if position is None:
        return statement.where(cursor.is_not(None))
    return statement.where(cursor >= _bound(position))


def all_rows(query: str) -> Select[Any]:
    """Return the statement for all rows, in no order."""
    inner = text(query.replace(":", r"\:") + "\n").columns().subquery("rows_of_query")
    return select(literal_column("*")).select_from(inner)


def _bound(position: Any) -> Any:
    """Return a position as a parameter of its type."""
    if isinstance(position, datetime) and position.tzinfo is not None:
        # BigQuery's DATETIME has no zone, and is not compared with what has one.
        return literal(position, DateTime(timezone=True).with_variant(TIMESTAMP(), "bigquery"))
    return position


def rows_without_cursor(query: str, cursor_column: str) -> Select[Any]:
    """Return the statement that counts rows which have no value in the cursor column."""
    inner, cursor = _wrapped(query, cursor_column)
    return select(func.count()).select_from(inner).where(cursor.is_(None))


def _wrapped(query: str, cursor_column: str) -> tuple[Subquery, ColumnElement[Any]]:
    # A colon would name a parameter. The line ends so that a comment does not take the parenthesis.
    asked = text(query.replace(":", r"\:") + "\n")
    inner = asked.columns(column(cursor_column)).subquery("rows_of_query")
    return inner, inner.c[cursor_column]


class Explain(Executable, ClauseElement):
    """EXPLAIN of a statement as JSON, in the dialects that have it."""

    inherit_cache = False

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement


# No function of SQLAlchemy makes an EXPLAIN; this is its documented way of adding a construct.
@compiles(Explain, "postgresql")
def _explain_postgresql(element: Explain, compiler: SQLCompiler, **kwargs: Any) -> str:
    return f"EXPLAIN (FORMAT JSON) {compiler.process(element.statement, **kwargs)}"


@compiles(Explain, "mysql")
@compiles(Explain, "mariadb")
def _explain_mysql(element: Explain, compiler: SQLCompiler, **kwargs: Any) -> str:
    return f"EXPLAIN FORMAT=JSON {compiler.process(element.statement, **kwargs)}"
