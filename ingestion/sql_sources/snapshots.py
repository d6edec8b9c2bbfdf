"""Reading a query without a cursor: all of it each time, of which what is new or changed is taken.

Invariant: the digests of the rows of a batch, their requests and their count are one transaction.
Whoever is killed is followed by a worker that reads all again, and takes what no digest is of. A
row that is gone is counted, and nothing is deleted but its digest.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F

from ingestion.imports.chunks import ChunkMaker
from ingestion.imports.job import MAX_WAITING, known_purposes
from ingestion.imports.mapping import Kind
from ingestion.imports.rows import RowContext
from ingestion.imports.tables import Row
from ingestion.models import SqlRow, SqlRun, SqlSource
from ingestion.sql_sources import checkpoints
from ingestion.sql_sources.columns import header_of, mapping_of, typed_formats
from ingestion.sql_sources.faults import FEW_COLUMNS
from ingestion.sql_sources.outcomes import lock_mine
from ingestion.sql_sources.reading import Cells, reading, whole_batches
from ingestion.sql_sources.storing import import_of, query_of, rows_waiting, store_chunk
from profiles.lib.checkpoints import reach
from profiles.lib.database import database_now
from profiles.lib.databases.faults import SqlFault

# While the inbox works off what waits; then all is read again.
SNAPSHOT_WAIT = timedelta(minutes=1)
_AT_ONCE = 10_000
# The digests of one reading. SQLite's own SQL, on a file that is gone with the connection: a query
# can bring more rows than fit into memory.
MAKE_SEEN = "CREATE TABLE seen (digest BLOB PRIMARY KEY) WITHOUT ROWID"
ADD_SEEN = "INSERT OR IGNORE INTO seen (digest) VALUES (?)"
IS_SEEN = "SELECT 1 FROM seen WHERE digest = ?"


class SeenDigests:
    """The digests of the rows that a reading brought."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA cache_size = -32768")
        self._database.execute(MAKE_SEEN)
        self._database.execute("BEGIN")

    def add(self, digests: Iterable[bytes]) -> None:
        self._database.executemany(ADD_SEEN, ([digest] for digest in digests))

    def __contains__(self, digest: bytes) -> bool:
        return self._database.execute(IS_SEEN, [digest]).fetchone() is not None

    def close(self) -> None:
        self._database.close()


class SnapshotReader:
    """Reads the whole query of one source once."""

    def __init__(self, sql_source: SqlSource, run: SqlRun, lease: UUID) -> None:
        self._sql_source, self._run, self._lease = sql_source, run, lease
        self._mapping = mapping_of(sql_source.mapping, "", run.started_at)
        self._same = 0

    def read(self) -> bool:
        """Return whether the run is whole. Raises SqlFault and LostSqlSource."""
        query = query_of(self._sql_source)
        with (
            reading(query.url) as other,
            closing(SeenDigests()) as seen,
            closing(self._maker()) as maker,
        ):
            for rows in whole_batches(other, query):
                self._check_columns(rows[0])
                reach(checkpoints.BATCH_READ, self._sql_source)
                self._take(maker, rows, seen)
                reach(checkpoints.BATCH_STORED, self._sql_source)
                if self._is_far_ahead():
                    return False
            self._forget(seen)
        SqlRun.objects.filter(pk=self._run.pk).update(same=self._same)
        return True

    def _maker(self) -> ChunkMaker:
        # What is true of this reading alone is new at the next, also where it was so before.
        has_time = bool(self._mapping.columns(Kind.TIMESTAMP))
        is_of_reading = self._mapping.call != "track" and not has_time
        context = RowContext(
            self._mapping,
            typed_formats(self._mapping),
            known_purposes(self._sql_source.source_id),
            self._sql_source.name,
            database_now(),
        )
        reading_id = str(self._run.pk) if is_of_reading else ""
        return ChunkMaker(0, context, self._sql_source.mapping, reading_id)

    def _check_columns(self, cells: Cells) -> None:
        if {target.column for target in self._mapping.targets} - set(cells):
            raise SqlFault(FEW_COLUMNS, is_final=True)

    def _take(self, maker: ChunkMaker, rows: Sequence[Cells], seen: SeenDigests) -> None:
        """Take the rows that no digest is of. Raises LostSqlSource."""
        keys = [maker.key_of(Row(0, cells)) for cells in rows]
        digests = [bytes.fromhex(key) for key in keys]
        seen.add(digests)
        # Nobody but the holder of the lease adds any.
        known = self._first_runs(digests)
        self._same += sum(first_run != self._run.pk for first_run in known.values())
        new = [place for place, digest in enumerate(digests) if digest not in known]
        if not new:
            return
        file_import = import_of(self._sql_source, self._run, self._lease, self._mapping)
        numbered = enumerate(new, file_import.rows + 1)
        chunk = maker.chunk_of(
            file_import.pk, ((Row(number, rows[place]), keys[place]) for number, place in numbered)
        )
        with transaction.atomic():
            lock_mine(self._sql_source, self._lease)
            SqlRow.objects.bulk_create(
                SqlRow(sql_source=self._sql_source, digest=digests[place], first_run=self._run.pk)
                for place in new
            )
            store_chunk(file_import, chunk, header_of(self._mapping))

    def _first_runs(self, digests: Sequence[bytes]) -> dict[bytes, int]:
        """Return which run took the row of each digest that is known."""
        rows = SqlRow.objects.filter(sql_source=self._sql_source, digest__in=digests)
        return {bytes(digest): run for digest, run in rows.values_list("digest", "first_run")}

    def _is_far_ahead(self) -> bool:
        file_import = self._run.file_import
        return file_import is not None and rows_waiting(file_import) > MAX_WAITING

    def _forget(self, seen: SeenDigests) -> None:
        """Count the rows that are gone, and forget their digests. Raises LostSqlSource."""
        for digests in self._known_digests():
            gone = [digest for digest in digests if digest not in seen]
            with transaction.atomic():
                lock_mine(self._sql_source, self._lease)
                rows = SqlRow.objects.filter(sql_source=self._sql_source, digest__in=gone)
                # Counted where it is deleted, so that whoever follows a killed worker goes on.
                runs = SqlRun.objects.filter(pk=self._run.pk)
                runs.update(vanished=F("vanished") + rows.delete()[0])

    def _known_digests(self) -> Iterator[list[bytes]]:
        """Yield all digests of the source, some at a time."""
        rows = SqlRow.objects.filter(sql_source=self._sql_source).order_by("digest")
        last = b""
        while found := rows.filter(digest__gt=last).values_list("digest", flat=True)[:_AT_ONCE]:
            digests = [bytes(digest) for digest in found]
            yield digests
            last = digests[-1]
