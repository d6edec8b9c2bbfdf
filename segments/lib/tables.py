"""Files of rows and columns: CSV for spreadsheets, JSON lines for programs, Parquet for analysis.

Invariant: memory is bounded by a batch. Nothing lies in a directory: what Parquet needs at once is
in files without a name, which end with the process.
"""

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from itertools import chain, count
from typing import Any

import duckdb

from profiles.lib import exact_json
from profiles.lib.formulas import neutralised


class ColumnType(StrEnum):
    """What a file that knows types keeps a column as."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIME = "time"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class TableColumn:
    """One column of a file: its name and its type."""

    name: str
    type: ColumnType


Rows = list[list[Any]]
CHUNK = 1 << 16
MEMORY = "512MB"
# The types of DuckDB. Numbers are doubles there, as nearly every reader has them.
PARQUET_TYPES = {
    ColumnType.TEXT: "VARCHAR",
    ColumnType.NUMBER: "DOUBLE",
    ColumnType.BOOLEAN: "BOOLEAN",
    ColumnType.TIME: "TIMESTAMPTZ",
    ColumnType.JSON: "VARCHAR",
}
# Reads the lines that were written before, and writes them as Parquet. The names and types of the
# columns are a parameter, and both files are ones of this process without a name.
TO_PARQUET = """
COPY (SELECT * FROM read_json($lines, format = 'newline_delimited', columns = $columns,
    maximum_object_size = 67108864))
TO '{target}' (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)
"""


def write_csv(columns: Sequence[TableColumn], batches: Iterable[Rows]) -> Iterator[bytes]:
    """Yield CSV (RFC 4180) whose cells no spreadsheet takes for formulas."""
    yield _csv_lines([[neutralised(column.name) for column in columns]])
    for rows in batches:
        yield _csv_lines([[_cell(value) for value in row] for row in rows])


def _csv_lines(rows: Rows) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_NONNUMERIC).writerows(rows)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | Decimal() | float():
            return value
        case datetime():
            return _time(value)
        case str():
            return neutralised(value)
        case list() if all(isinstance(item, str) for item in value):
            return neutralised(", ".join(value))
        case _:
            return neutralised(exact_json.dumps(value))


def write_json_lines(columns: Sequence[TableColumn], batches: Iterable[Rows]) -> Iterator[bytes]:
    """Yield a JSON object a line; numbers are exact, and nothing is changed."""
    names = [column.name for column in columns]
    for rows in batches:
        lines = (
            exact_json.dumps(dict(zip(names, map(_json, row), strict=True))) + "\n" for row in rows
        )
        yield "".join(lines).encode()


def _json(value: Any) -> Any:
    return _time(value) if isinstance(value, datetime) else value


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def write_parquet(columns: Sequence[TableColumn], batches: Iterable[Rows]) -> Iterator[bytes]:
    """Yield a Parquet file. It is complete before its first byte, which tells where the rest is.

    A value of another type than its column's is missing, as in the language of segments. Of names
    that differ in case alone the later ones are numbered, since readers take them for one.
    """
    columns = _told_apart(columns)
    with tempfile.TemporaryFile() as lines, tempfile.TemporaryFile() as target:
        for rows in batches:
            typed = [
                [_typed(column, value) for column, value in zip(columns, row, strict=True)]
                for row in rows
            ]
            lines.writelines(write_json_lines(columns, [typed]))
            # An empty chunk: nothing is sent, and whoever asks for it sees that this goes on.
            yield b""
        lines.flush()
        with duckdb.connect(config=_settings()) as database:
            database.execute(
                TO_PARQUET.format(target=f"/dev/fd/{target.fileno()}"),
                {
                    "lines": f"/dev/fd/{lines.fileno()}",
                    "columns": {column.name: PARQUET_TYPES[column.type] for column in columns},
                },
            )
        target.seek(0)
        while chunk := target.read(CHUNK):
            yield chunk


def _told_apart(columns: Sequence[TableColumn]) -> list[TableColumn]:
    taken: set[str] = set()
    apart = []
    for column in columns:
        names = chain([column.name], (f"{column.name}_{number}" for number in count(2)))
        name = next(name for name in names if name.casefold() not in taken)
        taken.add(name.casefold())
        apart.append(replace(column, name=name))
    return apart


def _settings() -> dict[str, str | bool | int | float | list[str]]:
    return {
        "threads": 1,
        "memory_limit": MEMORY,
        # Nothing is fetched, and nothing is written beside the file.
        "autoinstall_known_extensions": False,
        "temp_directory": "",
    }


def _typed(column: TableColumn, value: Any) -> Any:
    match column.type, value:
        case (_, None):
            return None
        case ColumnType.NUMBER, bool():
            return None
        case ColumnType.NUMBER, int() | float() | Decimal():
            return value
        case ColumnType.BOOLEAN, bool():
            return value
        case ColumnType.TIME, datetime():
            return value
        case ColumnType.TEXT, str():
            return value
        case ColumnType.JSON, _:
            return exact_json.dumps(value)
        case _:
            return None
