"""Refused rows as a file, which is imported as it is once its cells are mended."""

import csv
import io
import re
from collections.abc import Iterable, Iterator

from ingestion.file_rows import cells_of
from ingestion.imports.rows import canonical
from ingestion.models import FileImport, RefusedRow

# The columns behind those of the file. They mean nothing when the mended file is imported.
REASON_COLUMNS = ("refused: row", "refused: code", "refused: column", "refused: reason")
# What spreadsheets take for a formula; a number and a telephone number are none.
_FORMULA = re.compile(r"[=@\t\r]|[+-](?![\d\s().,-]*$)")


def refused_as_csv(file_import: FileImport) -> Iterator[str]:
    """Yield a CSV with the columns of the refused rows, and the reasons."""
    refused = RefusedRow.objects.filter(file_import=file_import).order_by("number")
    columns: dict[str, None] = {}
    for row in refused.iterator(chunk_size=1000):
        columns |= dict.fromkeys(cells_of(row))
    # So that Excel reads the file as UTF-8.
    yield "\ufeff" + _line((*map(_spelled, columns), *REASON_COLUMNS))
    for row in refused.iterator(chunk_size=1000):
        cells = cells_of(row)
        values = (_spelled(cells.get(column)) for column in columns)
        yield _line([*values, str(row.number), row.code, _spelled(row.column), row.detail])


def _spelled(cell: object) -> str:
    text = "" if cell is None else canonical(cell)
    return f"'{text}" if _FORMULA.match(text) else text


def _line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()
