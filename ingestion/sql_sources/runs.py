"""Running SQL sources that are due, one worker at a time at each.

Invariant: the requests of a batch, the rows it refuses, their count and the position after it are
one transaction. Whoever is killed leaves the run as it was after the last batch, and the next
worker reads on from there, that position included; what was read before takes no effect twice. A
fault of another database ends the run of its source alone.
"""

import logging
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction

from ingestion.drain.faults import (
    error_name,
    is_fault_of_the_database,
    is_fault_of_the_product,
)
from ingestion.imports.chunks import ChunkMaker, RowChunk
from ingestion.imports.job import MAX_WAITING, row_context
from ingestion.imports.mapping import parse_mapping
from ingestion.imports.tables import Row
from ingestion.models import SqlRun, SqlSource
from ingestion.sql_sources import checkpoints, sql
from ingestion.sql_sources.columns import header_of
from ingestion.sql_sources.faults import FEW_COLUMNS
from ingestion.sql_sources.outcomes import (
    LostSqlSource,
    end_run,
    fail_run,
    lock_mine,
    release,
)
from ingestion.sql_sources.positions import looked_back, position_value, stored_position
from ingestion.sql_sources.reading import (
    Batch,
    Cells,
    batches_of,
    count_without_cursor,
    reading,
)
from ingestion.sql_sources.snapshots import SNAPSHOT_WAIT, SnapshotReader
from ingestion.sql_sources.storing import import_of, query_of, rows_waiting, store_chunk
from profiles.lib.checkpoints import reach
from profiles.lib.databases.faults import SqlFault
from profiles.lib.faults import fault_word
from profiles.lib.heartbeat import heartbeat

logger = logging.getLogger(__name__)


def read_next_sql_source(*, seconds: float = float("inf"), pk: int | None = None) -> bool:
    """Read a source that is due, for about so many seconds; return whether there was any."""
    lease = uuid4()
    with connection.cursor() as cursor:
        bound: dict[str, Any] = {
            "lease": lease,
            "seconds": settings.INBOX_LEASE_SECONDS,
            "id": pk,
        }
        cursor.execute(sql.CLAIM, bound)
        claimed = cursor.fetchone()
    if claimed is None:
        return False
    sql_source = SqlSource.objects.select_related("source").filter(pk=claimed[0]).first()
    if sql_source is None:
        # It was deleted right after it was claimed.
        return True
    reach(checkpoints.CLAIMED, sql_source)
    beat = partial(_extend, sql_source.pk, lease)
    with heartbeat(beat, seconds=settings.INBOX_LEASE_SECONDS / 3):
        _read(sql_source, lease, time.monotonic() + seconds)
    return True


def _read(sql_source: SqlSource, lease: UUID, deadline: float) -> None:
    try:
        run = _open_run(sql_source, lease)
    except LostSqlSource:
        return
    try:
        if sql_source.cursor_column:
            is_whole, wait = _Reader(sql_source, run, lease, deadline).read(), timedelta()
        else:
            is_whole, wait = SnapshotReader(sql_source, run, lease).read(), SNAPSHOT_WAIT
        reach(checkpoints.READ, sql_source)
        if is_whole:
            end_run(sql_source, run, lease)
        else:
            release(sql_source, lease, wait=wait)
    except LostSqlSource:
        logger.info("A SQL source was taken over, changed or paused.")
    except SqlFault as fault:
        fail_run(sql_source, run, lease, fault)
    except Exception as error:
        if is_fault_of_the_database(error) or is_fault_of_the_product(error):
            raise
        # Only the type of the error is told: its text may hold personal data.
        logger.error("A run of a SQL source broke off: %s.", error_name(error))
        fail_run(sql_source, run, lease, SqlFault(fault_word(error)))
    reach(checkpoints.FINISHED, sql_source)


def _open_run(sql_source: SqlSource, lease: UUID) -> SqlRun:
    """Return the run that was not finished, or a new one. Raises LostSqlSource."""
    with transaction.atomic():
        lock_mine(sql_source, lease)
        return SqlRun.objects.get_or_create(sql_source=sql_source, finished_at=None)[0]


class _Reader:
    """Reads one source for a while."""

    def __init__(self, sql_source: SqlSource, run: SqlRun, lease: UUID, deadline: float) -> None:
        self._sql_source, self._run, self._lease = sql_source, run, lease
        self._deadline = deadline
        self._mapping = parse_mapping(sql_source.mapping)
        self._header = header_of(self._mapping)

    def read(self) -> bool:
        """Return whether the run is whole. Raises SqlFault and LostSqlSource."""
        query = query_of(self._sql_source)
        with reading(query.url) as other:
            if self._run.position is None:
                self._note_missing(count_without_cursor(other, query))
            maker: ChunkMaker | None = None
            try:
                for batch in batches_of(other, query, self._start()):
                    maker = maker or self._maker(batch)
                    reach(checkpoints.BATCH_READ, self._sql_source)
                    self._store(batch, self._chunk_of(maker, batch.rows))
                    reach(checkpoints.BATCH_STORED, self._sql_source)
                    # Only between two values: the next worker begins with all rows of the last one.
                    if batch.is_end_of_value and self._is_time_up():
                        return False
            finally:
                if maker is not None:
                    maker.close()
        return True

    def _start(self) -> Any:
        """Return the value of the cursor column with which to begin, None for the first one."""
        if self._run.position is not None:
            return position_value(self._run.position)
        if self._sql_source.position is None:
            return None
        value = position_value(self._sql_source.position)
        return looked_back(value, self._sql_source.look_back_minutes)

    def _is_time_up(self) -> bool:
        return time.monotonic() > self._deadline or rows_waiting(self._import) > MAX_WAITING

    def _note_missing(self, rows: int) -> None:
        SqlRun.objects.filter(pk=self._run.pk).update(without_cursor=rows)

    def _maker(self, batch: Batch) -> ChunkMaker:
        if {target.column for target in self._mapping.targets} - set(batch.rows[0]):
            raise SqlFault(FEW_COLUMNS, is_final=True)
        self._import = import_of(self._sql_source, self._run, self._lease, self._mapping)
        context = row_context(self._import, self._mapping)
        return ChunkMaker(self._import.pk, context, self._sql_source.mapping)

    def _chunk_of(self, maker: ChunkMaker, rows: Sequence[Cells]) -> RowChunk:
        first = self._import.rows + 1
        numbered = (Row(number, cells) for number, cells in enumerate(rows, first))
        # A batch has fewer rows than a chunk may have.
        return next(iter(maker.chunks(numbered, 0)))

    def _store(self, batch: Batch, chunk: RowChunk) -> None:
        """Store a batch and the position after it in one transaction. Raises LostSqlSource."""
        position = stored_position(batch.last)
        with transaction.atomic():
            lock_mine(self._sql_source, self._lease)
            SqlRun.objects.filter(pk=self._run.pk).update(position=position)
            store_chunk(self._import, chunk, self._header)
        self._run.position = position


def _extend(pk: int, lease: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.EXTEND_LEASE, [settings.INBOX_LEASE_SECONDS, pk, lease])
