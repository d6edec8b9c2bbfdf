"""Finding out how a file is to be read, what its columns hold, and what they may mean."""

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BufferedReader
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
from django.conf import settings

from ingestion.imports.content import FOLDER, unpacked
from ingestion.imports.encodings import SAMPLE_BYTES, detect_encoding
from ingestion.imports.formats import DATE_PATTERNS, date_formats, detect_format, is_blank
from ingestion.imports.tables import WHITESPACE, Reading, Row, Table, format_of, open_table

SAMPLE_ROWS = 1_000
EXAMPLES = 3
_SNIFF_BYTES = 128 * 1024
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_NO_HEADER = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+|[-+]?\d+([.,]\d+)*|\d+[-/.]\d+[-/.]\d+.*")


class Column(NamedTuple):
    """A column: the format of its cells, others that fit too, how many are filled, and examples."""

    name: str
    format: str
    other_formats: Sequence[str]
    filled: float
    examples: Sequence[str]


class Inspection(NamedTuple):
    """What was found out about a file from its first rows."""

    reading: Reading
    columns: Sequence[Column]
    sampled: int

    @property
    def formats(self) -> dict[str, str]:
        return {column.name: column.format for column in self.columns}


def inspect_file(content: BufferedReader, overrides: Mapping[str, Any] | None = None) -> Inspection:
    """Find out how a file is read; `overrides` are parts of the reading that are known.

    Raises FileFault.
    """
    reading = find_reading(content, overrides or {})
    content.seek(0)
    with open_table(content, reading) as table:
        return _inspection(reading, table)


def find_reading(content: BufferedReader, overrides: Mapping[str, Any]) -> Reading:
    """Return how the file is read: what is known of it, and what its first bytes show."""
    content.seek(0)
    with unpacked(content) as inner:
        head = inner.peek(4096)[:4096]
        format_ = overrides.get("format") or format_of(head)
        if format_ != "csv":
            return replace(Reading(format_, delimiter="", encoding=""), **overrides)
        sample = inner.read(SAMPLE_BYTES)
    encoding = overrides.get("encoding") or detect_encoding(sample)
    text = sample.decode(encoding, "replace").lstrip("\ufeff")
    delimiter, has_header = _dialect(text)
    reading = Reading(format_, encoding, delimiter, has_header)
    return replace(reading, **overrides)


def _inspection(reading: Reading, table: Table) -> Inspection:
    rows = list(islice(table.rows, SAMPLE_ROWS))
    cells = [row.cells for row in rows if isinstance(row, Row)]
    columns = [column_of(name, [row.get(name) for row in cells]) for name in table.columns]
    return Inspection(reading, columns, len(rows))


def column_of(name: str, cells: Sequence[Any]) -> Column:
    """Return what the cells of a column show."""
    filled = [cell for cell in cells if not is_blank(cell)]
    format_ = detect_format(filled)
    texts = [cell.strip() for cell in filled if isinstance(cell, str)]
    others = date_formats(texts) if format_ in DATE_PATTERNS else []
    examples = list(dict.fromkeys(str(cell)[:60] for cell in filled))[:EXAMPLES]
    share = len(filled) / len(cells) if cells else 0.0
    return Column(name, format_, [o for o in others if o != format_], share, examples)


def _dialect(text: str) -> tuple[str, bool]:
    """Return the delimiter and whether there is a header."""
    lines = text[:_SNIFF_BYTES].splitlines()
    # The last line of a sample is cut somewhere.
    kept = lines[:-1] if len(text) > _SNIFF_BYTES else lines
    if _is_in_columns(kept):
        return WHITESPACE, not _looks_like_values(kept[0].split())
    delimiter, has_header, names = _sniffed("\n".join(kept))
    return delimiter, has_header and not _looks_like_values(names)


def _sniffed(text: str) -> tuple[str, bool, list[str]]:
    """Return what DuckDB, which tries all dialects on a sample, finds."""
    folder = Path(settings.DATA_DIR) / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=folder, encoding="utf-8", errors="replace") as copy:
        copy.write(text + "\n")
        copy.flush()
        try:
            with duckdb.connect(config={"threads": 1}) as database:
                row = database.execute(_SNIFF, [copy.name]).fetchone()
        except duckdb.Error:
            row = None
    if row is None:
        return ",", True, []
    delimiter, has_header, columns = row
    return delimiter, has_header, [column["name"] for column in columns]


def _is_in_columns(lines: Sequence[str]) -> bool:
    """Whether a file is laid out by blanks, as old systems print tables."""
    filled = [line for line in lines[:50] if line.strip()]
    if len(filled) < 2 or any(sign in line for line in filled for sign in ',;\t|"'):
        return False
    counts = {len(line.split()) for line in filled}
    return len(counts) == 1 and counts.pop() > 1 and any("  " in line.strip() for line in filled)


def _looks_like_values(names: Sequence[str]) -> bool:
    """Whether the first row is one of values: an address, a number or a date names no column."""
    return any(_NO_HEADER.fullmatch(name.strip()) for name in names)


# What DuckDB takes for the delimiter, the header and the columns of a text, of which some rows may
# be damaged. Its own SQL.
_SNIFF = """
SELECT "Delimiter", "HasHeader", "Columns"
FROM sniff_csv(?, sample_size = 2000, ignore_errors = true)
"""
