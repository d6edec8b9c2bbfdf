"""Files to import, made in memory, and importing them."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from ingestion.models import FileImport
from ingestion.services import add_part, begin_import, drain_inbox, finish_import, start_import
from tests.factories import TESTER, make_source

# Those of PEOPLE.
COLUMNS = ("Mail", "No", "Ville", "Date")
PEOPLE: dict[str, Any] = {
    "call": "identify",
    "columns": {
        "Mail": "email",
        "No": "user_id",
        "Ville": "traits.city",
        "Date": "timestamp",
    },
    "formats": {"Date": "%d/%m/%Y"},
}
ORDERS: dict[str, Any] = {
    "call": "track",
    "event": "Order Completed",
    "columns": {"No": "user_id", "Date": "timestamp", "Montant": "properties.revenue"},
    "formats": {"Date": "%d/%m/%Y", "Montant": "decimal_comma"},
}


def csv_of(
    columns: Sequence[str],
    *rows: Sequence[object],
    delimiter: str = ",",
    encoding: str = "utf-8",
    quoting: int = csv.QUOTE_MINIMAL,
) -> bytes:
    text = io.StringIO()
    writer: Any = csv.writer(text, delimiter=delimiter, quoting=quoting)  # type: ignore[arg-type]
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode(encoding)


def upload(content: bytes, *, source: str = "files", name: str = "people.csv") -> FileImport:
    begun = begin_import(make_source(key=source), name, len(content), actor=TESTER)
    return add_part(begun, 0, content, actor=TESTER)


def import_bytes(
    content: bytes, mapping: Mapping[str, Any], *, source: str = "files", name: str = "people.csv"
) -> FileImport:
    """Import a file to its end and return the import with its counts."""
    started = start_import(upload(content, source=source, name=name), mapping, actor=TESTER)
    finish_import(started, drain_inbox)
    return started


def ends_of(file_import: FileImport) -> dict[str, int]:
    names = ("rows", "stored", "unchanged", "refused", "dropped")
    return {name: getattr(file_import, name) for name in names if getattr(file_import, name)}
