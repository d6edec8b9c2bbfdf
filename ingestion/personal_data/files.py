"""Imported files, and rows of them that could not be taken."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from ingestion.file_rows import cells_of, references_in_row
from ingestion.imports.erasure import delete_if_mentioned, unstarted_imports
from ingestion.models import FileImport, ImportPart, RefusedRow
from ingestion.personal_data.naming import KeptText, all_spellings, texts_naming
from profiles.identifiers.lookup import load_normalisers
from profiles.registry import ErasurePhase, Person, PersonalData, Rows, registry


@registry.register
class FileImportData(PersonalData):
    model = FileImport
    title = "Imported files"
    technical = (
        "id",
        "uuid",
        "source",
        "name",
        "size",
        "digest",
        "status",
        "reading",
        "mapping",
        "formats",
        "rows",
        "chunks",
        "stored",
        "unchanged",
        "refused",
        "dropped",
        "fault",
        "created_by",
        "created_at",
        "started_at",
        "finished_at",
        "lease",
        "leased_until",
    )


@registry.register
class ImportPartData(PersonalData):
    model = ImportPart
    title = "Uploaded files"
    lifetime = "IMPORT_DAYS"
    observed = ("content",)
    technical = ("id", "file_import", "offset")
    phase = ErasurePhase.COPIES

    def erase(self, person: Person) -> int:
        """Delete each file that waits to be started and names the person.

        One that is being read is waited for: what it says of erased people is dropped.
        """
        references = all_spellings(person.references)
        return sum(delete_if_mentioned(each, references) for each in unstarted_imports())

    def is_drained(self, moment: datetime) -> bool:
        reading = FileImport.objects.filter(status=FileImport.Status.READING)
        return not reading.filter(started_at__lte=moment).exists()


@registry.register
class RefusedRowData(PersonalData):
    model = RefusedRow
    title = "Rows of files that could not be taken"
    observed = ("cells",)
    technical = ("id", "file_import", "number", "code", "column", "detail")
    phase = ErasurePhase.COPIES

    def read(self, profile_ids: Sequence[int]) -> Rows:
        return texts_naming(profile_ids, self._texts())

    def portrait(self, profile_ids: Sequence[int]) -> Rows:
        return {}

    def erase(self, person: Person) -> int:
        """Open each row, and delete it if it names or mentions the person."""
        references, normalisers = all_spellings(person.references), load_normalisers()
        rows = RefusedRow.objects.select_related("file_import").iterator(chunk_size=500)
        mentioning = [row.pk for row in rows if references & _names(row, normalisers)]
        return RefusedRow.objects.filter(pk__in=mentioning).delete()[0]

    @staticmethod
    def _texts() -> Iterator[KeptText]:
        normalisers = load_normalisers()
        rows = RefusedRow.objects.select_related("file_import__source")
        for row in rows.iterator(chunk_size=500):
            fields = {
                "source": row.file_import.source.key,
                "file": row.file_import.name,
                "row": row.number,
                "code": row.code,
            }
            yield KeptText(fields, cells_of(row), _names(row, normalisers))


def _names(row: RefusedRow, normalisers: Mapping[str, str]) -> set[str]:
    columns = row.file_import.mapping["columns"]
    return set(references_in_row(columns, cells_of(row), normalisers))
