"""Storing what a run of a SQL source read: requests of the inbox, and the import beside them."""

from uuid import UUID

from django.db import transaction
from django.db.models import F

from ingestion.file_rows import keep_refused
from ingestion.imports.chunks import RowChunk
from ingestion.imports.mapping import RowMapping
from ingestion.imports.sql import ACCEPT_ROWS
from ingestion.inbox.accept import DRAIN
from ingestion.inbox.body import InboxBody, pack_body
from ingestion.models import FileImport, SqlRun, SqlSource
from ingestion.sql_sources.addresses import open_url
from ingestion.sql_sources.columns import typed_formats
from ingestion.sql_sources.faults import WrongSqlSource
from ingestion.sql_sources.outcomes import lock_mine
from ingestion.sql_sources.reading import Query
from profiles.lib.change_queue import nudge
from profiles.lib.database import binary_cursor, database_now
from profiles.lib.databases.faults import SqlFault
from profiles.models import TrustLevel

PROGRAM = "system:sql_sources"
Status = FileImport.Status


def store_chunk(file_import: FileImport, chunk: RowChunk, header: bytes) -> None:
    """Store the requests of a batch, the rows it refuses and their count, in one transaction."""
    imports = FileImport.objects.filter(pk=file_import.pk)
    imports.update(rows=F("rows") + chunk.rows, chunks=F("chunks") + 1)
    keep_refused(chunk.refusals)
    _accept(file_import, chunk, header)
    nudge(DRAIN)
    file_import.rows += chunk.rows


def _accept(file_import: FileImport, chunk: RowChunk, header: bytes) -> None:
    with binary_cursor() as cursor:
        for request in chunk.requests:
            body = pack_body(InboxBody("", request.body(header)))
            counted = [len(request.messages), file_import.pk]
            bound = [file_import.source_id, int(TrustLevel.SERVER), body, *counted]
            cursor.execute(ACCEPT_ROWS, bound)


def query_of(sql_source: SqlSource) -> Query:
    """Return what is asked of which database. Raises SqlFault."""
    try:
        url = open_url(sql_source.sealed_url)
    except WrongSqlSource as wrong:
        # The folder, or who is trusted, has changed since the source was saved.
        raise SqlFault(wrong.code, is_final=True) from None
    return Query(url, sql_source.query, sql_source.cursor_column)


def import_of(sql_source: SqlSource, run: SqlRun, lease: UUID, mapping: RowMapping) -> FileImport:
    """Return the import that accounts for the rows of a run. Raises LostSqlSource."""
    if run.file_import is not None:
        return run.file_import
    with transaction.atomic():
        lock_mine(sql_source, lease)
        run.file_import = FileImport.objects.create(
            source=sql_source.source,
            name=sql_source.name,
            size=0,
            status=Status.QUERYING,
            mapping=sql_source.mapping,
            formats=typed_formats(mapping),
            created_by=PROGRAM,
            started_at=database_now(),
        )
        run.save(update_fields=["file_import"])
    return run.file_import


def rows_waiting(file_import: FileImport) -> int:
    """Return how many rows of the run were read and have not ended."""
    now = FileImport.objects.get(pk=file_import.pk)
    return now.rows - now.ended
