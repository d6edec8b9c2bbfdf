"""Uploaded files that nobody has started yet, and erased people in them."""

from collections.abc import Iterable, Mapping, Set
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from ingestion.file_rows import references_in_row
from ingestion.imports.content import content_of
from ingestion.imports.faults import FileFault
from ingestion.imports.inspect import find_reading, inspect_file
from ingestion.imports.proposals import propose_mapping
from ingestion.imports.tables import open_table
from ingestion.models import FileImport
from profiles.identifiers.lookup import load_normalisers
from profiles.lib import exact_json


def unstarted_imports() -> QuerySet[FileImport]:
    """Return the files that are whole and wait for somebody to start them."""
    return FileImport.objects.filter(status=FileImport.Status.UPLOADED)


def delete_if_mentioned(file_import: FileImport, references: Set[str]) -> int:
    """Delete the bytes of a file that mentions a person; return how many files that were.

    A row cannot be cut out of what is packed. Who uploaded the file uploads it again.
    """
    if not _mentions(file_import, references):
        return 0
    file_import.parts.all().delete()
    file_import.status = FileImport.Status.CANCELLED
    file_import.fault = "Somebody in this file was erased: upload it again without them."
    file_import.finished_at = timezone.now()
    file_import.save(update_fields=["status", "fault", "finished_at"])
    return 1


def _mentions(file_import: FileImport, references: Set[str]) -> bool:
    try:
        with content_of(file_import) as content:
            reading = find_reading(content, file_import.reading)
            columns = propose_mapping(inspect_file(content, file_import.reading).columns)["columns"]
            content.seek(0)
            with open_table(content, reading) as table:
                return _any_names(references, columns, (row.cells for row in table.rows))
    except FileFault:
        # Nobody can read it, so that nobody knows who is in it.
        return True


def _any_names(
    references: Set[str], columns: Mapping[str, str], rows: Iterable[Mapping[str, Any]]
) -> bool:
    """Whether a row names one of the references, by what its columns are likely to mean."""
    normalisers = load_normalisers()
    # As JSON has them: a Parquet file has dates and other types.
    contents = (exact_json.loads(exact_json.dump_bytes(row)) for row in rows)
    return any(
        not references.isdisjoint(references_in_row(columns, cells, normalisers))
        for cells in contents
    )
