"""Reading the rows of a query, in the order of the cursor column.

Invariant: nothing is written to the other database. Whatever fails there is a SqlFault, and never
an error of our own database.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.conf import settings
from sqlalchemy import Connection, Select
from sqlalchemy.engine import URL, CursorResult

from ingestion.sql_sources.faults import UNKNOWN_CURSOR
from ingestion.sql_sources.queries import Explain, all_rows, rows_from, rows_without_cursor
from profiles.lib import exact_json
from profiles.lib.databases.connections import connected, faults_of_the_other_database
from profiles.lib.databases.dialects import Session, database_of
from profiles.lib.databases.faults import SqlFault

BATCH = 1_000
STREAMING = {"stream_results": True, "max_row_buffer": BATCH}
Cells = Mapping[str, Any]


class Batch(NamedTuple):
    """Rows that were read together, and the value of the cursor column of the last one.

    `is_end_of_value` says that no later row has that value, None where there is no later row.
    """

    rows: Sequence[Cells]
    last: Any
    is_end_of_value: bool


class Query(NamedTuple):
    """What is asked of which database; without a cursor column the whole, in no order."""

    url: URL
    text: str
    cursor_column: str


def reading(url: URL) -> AbstractContextManager[Connection]:
    """Give a connection that reads. Raises SqlFault for whatever fails at the other database."""
    return connected(url, Session(settings.SQL_STATEMENT_SECONDS))


def batches_of(connection: Connection, query: Query, position: Any) -> Iterator[Batch]:
    """Yield the rows from a position on. Raises SqlFault."""
    statement = rows_from(query.text, query.cursor_column, position)
    with faults_of_the_other_database():
        result = connection.execute(statement, execution_options=STREAMING)
    columns = _columns_of(result, query)
    place = columns.index(query.cursor_column)
    with faults_of_the_other_database():
        ahead = list(result.fetchmany(BATCH))
    while ahead:
        rows = ahead
        with faults_of_the_other_database():
            ahead = list(result.fetchmany(BATCH))
        last = rows[-1][place]
        yield Batch(_cells(columns, rows), last, not ahead or ahead[0][place] != last)


def whole_batches(connection: Connection, query: Query) -> Iterator[Sequence[Cells]]:
    """Yield all rows, a batch at a time. Raises SqlFault."""
    with faults_of_the_other_database():
        result = connection.execute(all_rows(query.text), execution_options=STREAMING)
    columns = _columns_of(result, query)
    while True:
        with faults_of_the_other_database():
            rows = result.fetchmany(BATCH)
        if not rows:
            return
        yield _cells(columns, rows)


def first_rows(connection: Connection, query: Query, most: int) -> list[Cells]:
    """Return the first rows of a query. Raises SqlFault."""
    statement = _statement(query).limit(most)
    with faults_of_the_other_database():
        result = connection.execute(statement)
        rows = result.fetchall()
    return _cells(_columns_of(result, query), rows)


def count_without_cursor(connection: Connection, query: Query) -> int:
    """Return how many rows have no value in the cursor column. Raises SqlFault."""
    if not query.cursor_column:
        return 0
    with faults_of_the_other_database():
        return int(connection.scalar(rows_without_cursor(query.text, query.cursor_column)) or 0)


def cost_of(connection: Connection, query: Query) -> float | None:
    """Return what the database expects the whole query to cost, in its own unit."""
    cost = database_of(query.url).cost
    if cost is None:
        return None
    with faults_of_the_other_database():
        plan = connection.scalar(Explain(_statement(query)))
    try:
        return cost(exact_json.loads(plan) if isinstance(plan, str | bytes) else plan)
    except (ValueError, KeyError, TypeError, IndexError):
        # Versions spell plans differently; a preview without a cost is one all the same.
        return None


def cell_of(cell: Any) -> Any:
    """Return a cell as imported rows have it: what JSON has, a decimal, a day or a time."""
    match cell:
        case None | bool() | int() | datetime() | date():
            return cell
        case str():
            # What the database here could not store.
            return cell.replace("\0", "\N{REPLACEMENT CHARACTER}")
        case float():
            return exact_json.loads(repr(cell)) if math.isfinite(cell) else None
        case Decimal():
            return cell if cell.is_finite() else None
        case bytes() | bytearray() | memoryview():
            return bytes(cell).decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
        case dict() | list():
            return exact_json.loads(exact_json.dump_bytes(cell))
        case _:
            return str(cell)


def _statement(query: Query) -> Select[Any]:
    if not query.cursor_column:
        return all_rows(query.text)
    return rows_from(query.text, query.cursor_column, None)


def _columns_of(result: CursorResult[Any], query: Query) -> list[str]:
    """Return the names of the columns, of which each must stand once."""
    columns = list(result.keys())
    lacks_cursor = query.cursor_column and query.cursor_column not in columns
    if lacks_cursor or len(set(columns)) < len(columns):
        raise SqlFault(UNKNOWN_CURSOR, is_final=True)
    return columns


def _cells(columns: Sequence[str], rows: Sequence[Any]) -> list[Cells]:
    return [dict(zip(columns, map(cell_of, row), strict=True)) for row in rows]
