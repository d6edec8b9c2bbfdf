"""Tables of rows: CSV, JSON lines, Excel and Parquet, read one row after the other.

Invariant: each row of a file comes out once, with its number: as cells by column, or with the
reason why it cannot be read. Reading the same bytes again gives the same rows.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from io import BufferedReader
from itertools import chain, islice
from typing import Any, NamedTuple, TextIO

import duckdb
import python_calamine
from django.conf import settings

from ingestion.imports.content import (
    OLE,
    PARQUET,
    ZIP,
    on_disk,
    unpacked,
    unpacked_size,
)
from ingestion.imports.encodings import is_encoding
from ingestion.imports.faults import FileFault
from profiles.lib import exact_json
from profiles.lib.exact_json import UnreadableJSON

WHITESPACE = "whitespace"
DELIMITERS = (",", ";", "\t", "|", WHITESPACE)
MAX_CELL = 64 * 1024  # a row becomes a message, which has at most 32 KB
MAX_LINE = 1024 * 1024
BATCH = 5_000
KEYS_SAMPLED = 1_000
_UNDECODED = re.compile("[\ud800-\udfff]")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# A quotation mark that is never closed would make one cell of the rest of the file.
csv.field_size_limit(MAX_CELL)


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is read. `sheet` is the name of one in an Excel file, empty for the first."""

    format: str = "csv"
    encoding: str = "utf-8"
    delimiter: str = ","
    has_header: bool = True
    sheet: str = ""

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Reading":
        return cls(**stored)

    def as_stored(self) -> dict[str, Any]:
        return asdict(self)


FORMATS = ("csv", "jsonl", "excel", "parquet")


class Row(NamedTuple):
    """One row: its number in the file, a header being row 1, and its cells by column."""

    number: int
    cells: Mapping[str, Any]


class BadRow(NamedTuple):
    """One row that cannot be read, with the cells as far as there are any."""

    number: int
    code: str
    detail: str
    cells: Mapping[str, Any]


class Table(NamedTuple):
    """The columns of a file, and its rows, which can be read once."""

    columns: tuple[str, ...]
    rows: Iterator[Row | BadRow]


@contextmanager
def open_table(content: BufferedReader, reading: Reading) -> Iterator[Table]:
    """Give the table in a file. Raises FileFault, also while the rows are read."""
    openers = {"jsonl": _json_table, "excel": _excel_table}
    with unpacked(content) as inner:
        if reading.format == "parquet":
            with on_disk(inner) as path, _duckdb() as database:
                yield _parquet_table(database, str(path))
        elif reading.format == "csv":
            with _text(inner, reading.encoding) as text:
                yield _csv_table(text, reading)
        else:
            yield openers[reading.format](inner, reading)


def format_of(head: bytes) -> str:
    """Return the format of unpacked content that begins with `head`."""
    if head.startswith(PARQUET):
        return "parquet"
    if head.startswith((OLE, ZIP)):
        # Any other zip was unpacked; one within a packed file is found to be no workbook later.
        return "excel"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    return "jsonl" if text.startswith(b"{") else "csv"


def names_of(cells: Iterable[Any]) -> tuple[str, ...]:
    """Return the names of columns: each unlike the others, an empty one by its place."""
    names: list[str] = []
    for place, cell in enumerate(cells, 1):
        name = str(cell).strip() if cell is not None else ""
        name = _UNSTORABLE.sub(exact_json.REPLACEMENT, name)
        name = exact_json.composed(name.lstrip("\ufeff")) or f"column {place}"
        while name in names:
            name = f"{name} ({place})"
        names.append(name[:255])
    return tuple(names)


@contextmanager
def _text(content: BufferedReader, encoding: str) -> Iterator[TextIO]:
    if not is_encoding(encoding):
        raise FileFault("The encoding is unknown.")
    is_wide = codecs.lookup(encoding).name.startswith(("utf-16", "utf-32"))
    text = io.TextIOWrapper(content, encoding, "replace" if is_wide else "surrogateescape", "")
    try:
        yield text
    finally:
        # It would close the content when it is collected.
        text.detach()


def _csv_table(text: TextIO, reading: Reading) -> Table:
    records = _records(text, reading.delimiter)
    first = next((cells for cells in records if isinstance(cells, list)), None)
    if first is None:
        return Table((), iter(()))
    if reading.has_header:
        return Table(columns := names_of(first), _rows(records, columns, 2))
    columns = names_of(None for _ in first)
    return Table(columns, _rows(chain([first], records), columns, 1))


def _records(text: TextIO, delimiter: str) -> Iterator[list[str] | csv.Error]:
    """Yield the cells of each record; blank lines are none."""
    lines = _lines(text)
    if delimiter == WHITESPACE:
        yield from (cells for line in lines if (cells := list(line.split())))
        return
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        try:
            for cells in reader:
                if cells:
                    yield cells
        except csv.Error as error:
            yield error
        else:
            return


def _lines(text: TextIO) -> Iterator[str]:
    try:
        yield from iter(lambda: text.readline(MAX_LINE), "")
    except UnicodeError:
        raise FileFault("The file is not in the encoding that is said.") from None


def _rows(
    records: Iterable[list[str] | csv.Error], columns: tuple[str, ...], start: int
) -> Iterator[Row | BadRow]:
    for number, cells in enumerate(records, start):
        if isinstance(cells, csv.Error):
            detail = f"cells of at most {MAX_CELL // 1024} KB; a quotation mark may not be closed"
            yield BadRow(number, "unreadable_row", detail, {})
        elif len(cells) != len(columns):
            detail = f"{len(columns)} cells, as the file has columns; here are {len(cells)}"
            yield BadRow(number, "wrong_number_of_cells", detail, _named(columns, cells))
        elif not (text := "".join(cells)).isascii() and _UNDECODED.search(text):
            detail = "text in the encoding of the file"
            yield BadRow(number, "unreadable_characters", detail, _named(columns, cells))
        else:
            yield Row(number, dict(zip(columns, cells, strict=True)))


def _named(columns: tuple[str, ...], cells: list[str]) -> Mapping[str, str]:
    """Return cells by column where their number differs, readable again in UTF-8."""
    names = (*columns, *(f"column {place}" for place in range(len(columns) + 1, len(cells) + 1)))
    return {
        name: _UNDECODED.sub("\N{REPLACEMENT CHARACTER}", cell)
        for name, cell in zip(names, cells, strict=False)
    }


def _json_table(content: BufferedReader, reading: Reading) -> Table:
    rows = _json_rows(content)
    sample = list(islice(rows, KEYS_SAMPLED))
    columns = dict.fromkeys(
        column for row in sample if isinstance(row, Row) for column in row.cells
    )
    return Table(tuple(columns), chain(sample, rows))


def _json_rows(content: BufferedReader) -> Iterator[Row | BadRow]:
    lines = iter(lambda: content.readline(MAX_LINE), b"")
    for number, line in enumerate(lines, 1):
        stripped = line.removeprefix(b"\xef\xbb\xbf").strip()
        if not stripped:
            continue
        try:
            value = exact_json.read(stripped)
        except UnreadableJSON as error:
            text = stripped[:MAX_CELL].decode(errors="replace")
            yield BadRow(number, "unreadable_row", error.detail, {"line": text})
            continue
        if isinstance(value, dict):
            yield Row(number, dict(_flat(value)))
        else:
            yield BadRow(number, "not_an_object", "a JSON object a line", {"line": value})


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of nested objects by dotted name."""
    for name, inner in value.items():
        if isinstance(inner, dict) and inner:
            yield from _flat(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", inner


def _excel_table(content: BufferedReader, reading: Reading) -> Table:
    with on_disk(content) as path:
        _refuse_large_workbook(str(path))
        try:
            workbook = python_calamine.CalamineWorkbook.from_path(str(path))
            names = workbook.sheet_names
            if reading.sheet and reading.sheet not in names:
                raise FileFault(f"The file has the sheets {', '.join(names)[:200]}.")
            sheet = workbook.get_sheet_by_name(reading.sheet or names[0])
        except (python_calamine.CalamineError, IndexError):
            raise FileFault("The Excel file is damaged, or has a password.") from None
    records = ([_excel_cell(cell) for cell in cells] for cells in sheet.iter_rows())
    filled = ((n, cells) for n, cells in enumerate(records, 1) if any(c != "" for c in cells))
    if not reading.has_header:
        rows = list(islice(filled, 1))
        columns = names_of(None for _ in (rows[0][1] if rows else ()))
        return Table(columns, _excel_rows(chain(rows, filled), columns))
    columns = names_of(next(filled, (0, []))[1])
    return Table(columns, _excel_rows(filled, columns))


def _excel_rows(
    numbered: Iterable[tuple[int, list[Any]]], columns: tuple[str, ...]
) -> Iterator[Row | BadRow]:
    for number, cells in numbered:
        yield Row(number, dict(zip(columns, cells, strict=False)))


def _excel_cell(cell: Any) -> Any:
    """Return a whole number as one: Excel has no others than with a point."""
    if isinstance(cell, float):
        return int(cell) if cell.is_integer() and abs(cell) < 1e15 else exact_json.loads(repr(cell))
    return cell


def _refuse_large_workbook(path: str) -> None:
    """Refuse a workbook that would not fit into memory, which it is read into whole."""
    with open(path, "rb") as workbook:
        size = unpacked_size(workbook) if workbook.read(4) == ZIP else workbook.seek(0, 2)
    if size > settings.IMPORT_MAX_WORKBOOK_BYTES:
        raise FileFault("The Excel file is too large; save it as CSV.")


def _parquet_table(database: duckdb.DuckDBPyConnection, path: str) -> Table:
    try:
        described = database.execute(_DESCRIBE_PARQUET, [path]).fetchall()
    except duckdb.Error:
        raise FileFault("The Parquet file is damaged or not whole.") from None
    columns = names_of(name for name, *_ in described)
    return Table(columns, _parquet_rows(database, path, columns))


def _parquet_rows(
    database: duckdb.DuckDBPyConnection, path: str, columns: tuple[str, ...]
) -> Iterator[Row | BadRow]:
    start = 0
    while True:
        try:
            batch = database.execute(_READ_PARQUET, [path, start, start + BATCH]).fetchall()
        except duckdb.Error:
            raise FileFault("The Parquet file is damaged or not whole.") from None
        for *cells, number in batch:
            yield Row(number + 1, dict(zip(columns, map(_parquet_cell, cells), strict=True)))
        if len(batch) < BATCH:
            return
        start += BATCH


def _parquet_cell(cell: Any) -> Any:
    if isinstance(cell, float):
        return exact_json.loads(repr(cell)) if abs(cell) < float("inf") else None
    if isinstance(cell, bytes):
        return cell.decode(errors="replace")
    return cell


@contextmanager
def _duckdb() -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a database in memory, with one thread and a bound, for reading files."""
    bounds: dict[str, str | bool | int | float | list[str]] = {
        "threads": 1,
        "memory_limit": "512MB",
        "autoinstall_known_extensions": False,
    }
    with duckdb.connect(config=bounds) as database:
        yield database


# The columns of a Parquet file. DuckDB's own SQL on a file, which no ORM reads.
_DESCRIBE_PARQUET = "DESCRIBE SELECT * FROM read_parquet(?)"

# The rows of a Parquet file between two numbers, of which only the groups that hold them are read.
# A query for all would keep the whole result in memory.
_READ_PARQUET = """
SELECT * FROM read_parquet(?, file_row_number = true)
WHERE file_row_number >= ? AND file_row_number < ?
"""
