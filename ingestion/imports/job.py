"""Reading a file into the inbox, a part at a time, by one worker at a time.

Invariant: the requests of a part, the rows it refuses and how far the file was read are one
transaction. Whoever is killed leaves the file as it was after the last part, and the next worker
reads on from there; what the inbox has takes effect exactly once.
"""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from consent.models import Purpose
from ingestion.drain.faults import (
    error_name,
    is_fault_of_the_database,
    is_fault_of_the_product,
)
from ingestion.drain.pauses import drain_is_paused
from ingestion.file_rows import finish_if_ended, keep_refused
from ingestion.imports import checkpoints, sql
from ingestion.imports.chunks import ChunkMaker, RowChunk
from ingestion.imports.content import content_of
from ingestion.imports.faults import FileFault
from ingestion.imports.mapping import RowMapping, parse_mapping
from ingestion.imports.rows import RowContext
from ingestion.imports.tables import Reading, open_table
from ingestion.inbox.accept import DRAIN
from ingestion.inbox.body import InboxBody, pack_body
from ingestion.models import ConsentCategory, FileImport
from profiles.lib import exact_json
from profiles.lib.change_queue import nudge
from profiles.lib.checkpoints import reach
from profiles.lib.database import binary_cursor, database_now
from profiles.lib.heartbeat import heartbeat
from profiles.models import TrustLevel

logger = logging.getLogger(__name__)
# Rows that wait in the inbox until the reader waits for the drain.
MAX_WAITING = 50_000
# Between two looks for what another worker has, or had when it was killed.
WAIT_SECONDS = 0.2
Status = FileImport.Status


class LostImport(Exception):
    """Another worker reads the file now, or it was cancelled: nothing more may be written."""


def read_next_import(
    drain: Callable[[], object], *, seconds: float = float("inf"), import_id: int | None = None
) -> bool:
    """Read a file that waits, for so many seconds; return whether there was any.

    `drain` is called whenever many rows wait in the inbox.
    """
    lease = uuid4()
    with connection.cursor() as cursor:
        bound: dict[str, Any] = {
            "lease": lease,
            "seconds": settings.INBOX_LEASE_SECONDS,
            "id": import_id,
        }
        cursor.execute(sql.CLAIM, bound)
        claimed = cursor.fetchone()
    if claimed is None:
        return False
    file_import = FileImport.objects.select_related("source").get(pk=claimed[0])
    reach(checkpoints.CLAIMED)
    beat = partial(_extend, file_import.pk, lease)
    with heartbeat(beat, seconds=settings.INBOX_LEASE_SECONDS / 3):
        _read(file_import, lease, drain, time.monotonic() + seconds)
    return True


def row_context(file_import: FileImport, mapping: RowMapping) -> RowContext:
    """Return what is the same for all rows of a file."""
    return RowContext(
        mapping,
        file_import.formats,
        known_purposes(file_import.source_id),
        file_import.name,
        database_now(),
    )


def known_purposes(source_id: int) -> frozenset[str]:
    """Return the purposes that rows may name, also as categories of the source."""
    categories = ConsentCategory.objects.filter(source=source_id).values_list("category", flat=True)
    return frozenset(Purpose.objects.values_list("key", flat=True)) | frozenset(categories)


def _read(
    file_import: FileImport, lease: UUID, drain: Callable[[], object], deadline: float
) -> None:
    try:
        is_read = _read_chunks(file_import, lease, drain, deadline)
        if is_read:
            _end(file_import, lease)
        else:
            _release(file_import, lease)
    except LostImport:
        logger.info("An import was taken over or cancelled.")
    except FileFault as fault:
        _fail(file_import, lease, str(fault))
    except Exception as error:
        if is_fault_of_the_database(error) or is_fault_of_the_product(error):
            raise
        # Read again it would break at the same row for ever. Only the type of the error is told:
        # its text may hold personal data.
        logger.error("An import broke off: %s.", error_name(error))
        _fail(file_import, lease, f"It cannot be read: {error_name(error)}.")


def _read_chunks(
    file_import: FileImport, lease: UUID, drain: Callable[[], object], deadline: float
) -> bool:
    """Read on from where the file was left; return whether it was read to the end."""
    mapping = parse_mapping(file_import.mapping)
    maker = ChunkMaker(file_import.pk, row_context(file_import, mapping), file_import.mapping)
    columns = {str(target): target.column for target in mapping.targets}
    done = file_import.chunks
    with (
        closing(maker),
        content_of(file_import) as content,
        open_table(content, Reading.of(file_import.reading)) as table,
    ):
        for number, chunk in enumerate(maker.chunks(table.rows, done)):
            if number < done:
                continue
            reach(checkpoints.CHUNK_MADE)
            _store(file_import, lease, chunk, columns)
            reach(checkpoints.CHUNK_STORED)
            if _waiting(file_import) > MAX_WAITING:
                drain()
            if time.monotonic() > deadline:
                return False
    return True


def _store(
    file_import: FileImport, lease: UUID, chunk: RowChunk, columns: Mapping[str, Any]
) -> None:
    """Store a part of the file in one transaction. Raises LostImport."""
    header = exact_json.dump_bytes(columns)
    with transaction.atomic():
        mine = FileImport.objects.filter(pk=file_import.pk, lease=lease, status=Status.READING)
        if not mine.update(rows=F("rows") + chunk.rows, chunks=F("chunks") + 1):
            raise LostImport
        keep_refused(chunk.refusals)
        with binary_cursor() as cursor:
            for request in chunk.requests:
                body = pack_body(InboxBody("", request.body(header)))
                counted = [len(request.messages), file_import.pk]
                bound = [file_import.source_id, int(TrustLevel.SERVER), body, *counted]
                cursor.execute(sql.ACCEPT_ROWS, bound)
        nudge(DRAIN)


def _waiting(file_import: FileImport) -> int:
    """Return how many rows of the file were read and have not ended."""
    now = FileImport.objects.get(pk=file_import.pk)
    return now.rows - now.ended


def _end(file_import: FileImport, lease: UUID) -> None:
    """Note that the file was read, and delete its bytes."""
    reach(checkpoints.READ)
    with transaction.atomic():
        mine = FileImport.objects.filter(pk=file_import.pk, lease=lease, status=Status.READING)
        if not mine.update(status=Status.APPLYING, lease=None, leased_until=None):
            raise LostImport
        file_import.parts.all().delete()
        finish_if_ended(file_import.pk)
    reach(checkpoints.FINISHED)


def _fail(file_import: FileImport, lease: UUID, reason: str) -> None:
    """Give the file up, and delete its bytes; rows that were read take effect all the same."""
    with transaction.atomic():
        mine = FileImport.objects.filter(pk=file_import.pk, lease=lease)
        fields = {"fault": reason[:255], "finished_at": database_now(), "lease": None}
        if mine.update(status=Status.FAILED, **fields):
            file_import.parts.all().delete()


def _release(file_import: FileImport, lease: UUID) -> None:
    mine = FileImport.objects.filter(pk=file_import.pk, lease=lease)
    mine.update(lease=None, leased_until=None)


def _extend(import_id: int, lease: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.EXTEND_LEASE, [settings.INBOX_LEASE_SECONDS, import_id, lease])


def finish_import(file_import: FileImport, drain: Callable[[], object]) -> None:
    """Read a started file to its end in this process, and drain until all its rows ended.

    What other workers have leased is waited for. Returns early where the drain is paused.
    """
    while True:
        read_next_import(drain, import_id=file_import.pk)
        drain()
        file_import.refresh_from_db()
        if file_import.status not in (Status.READING, Status.APPLYING) or drain_is_paused():
            return
        time.sleep(WAIT_SECONDS)
