"""From rows to requests of the inbox: a part of a file at a time, the same part at each attempt."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from ingestion.file_rows import Refusal
from ingestion.imports.faults import RowFault
from ingestion.imports.rows import RowContext, RowReader, revision_of, row_key
from ingestion.imports.tables import BadRow, Row
from ingestion.messages import MAX_REQUEST_BYTES
from profiles.lib import exact_json

ROWS_PER_CHUNK = 2_000
# Of a request as the inbox takes it, with room for what stands around the messages.
MAX_BYTES = MAX_REQUEST_BYTES - 20_000
MAX_MESSAGE_BYTES = 32 * 1024
# How many equal rows a file has had so far. SQLite's own SQL, on a file that is gone with the
# connection: a file can have more rows than fit into memory.
MAKE_EQUAL = """
CREATE TABLE equal (key BLOB PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID
"""
COUNT_EQUAL = """
INSERT INTO equal (key, count) VALUES (?, 1)
ON CONFLICT (key) DO UPDATE SET count = count + 1 RETURNING count
"""


@dataclass(slots=True)
class Request:
    """Messages that are accepted together, each with the number and cells of its row."""

    messages: list[bytes] = field(default_factory=list)
    rows: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, message: bytes, row: bytes) -> None:
        self.messages.append(message)
        self.rows.append(row)
        self.size += len(message) + len(row) + 2

    def body(self, columns: bytes) -> bytes:
        """The JSON of a batch. The drain reads `rows` and `columns` where it refuses a message."""
        batch, rows = b",".join(self.messages), b",".join(self.rows)
        return b'{"batch":[%b],"rows":[%b],"columns":%b}' % (batch, rows, columns)


@dataclass(slots=True)
class RowChunk:
    """A part of a file: how many rows it has, their messages, and rows that are refused at once."""

    rows: int = 0
    requests: list[Request] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    def add(self, message: bytes, row: bytes) -> None:
        if not self.requests or self.requests[-1].size + len(message) + len(row) > MAX_BYTES:
            self.requests.append(Request())
        self.requests[-1].add(message, row)


class EqualRows:
    """Counts equal rows of a file, on a file of its own: they may not fit into memory."""

    def __init__(self) -> None:
        # An empty name is a private file that is gone with the connection.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA cache_size = -65536")
        self._database.execute(MAKE_EQUAL)
        self._database.execute("BEGIN")

    def count(self, key: str) -> int:
        """Note one more row with this key, and return how many there are with it."""
        row = self._database.execute(COUNT_EQUAL, [bytes.fromhex(key)]).fetchone()
        count: int = row[0]
        return count

    def close(self) -> None:
        self._database.close()


class ChunkMaker:
    """Makes the chunks of one file. Reading it again from the start makes the same ones."""

    def __init__(
        self, import_id: int, context: RowContext, content: Mapping[str, Any], reading: str = ""
    ) -> None:
        """Rows that are true of one `reading` alone are other ones at the next."""
        self._import_id = import_id
        self._context = context
        self._reader = RowReader(context)
        self._equal = EqualRows()
        self._key = settings.DEDUPLICATION_KEY.encode()
        # An event or a consent happened once, however the columns are mapped. What describes a
        # person is written again where it is mapped anew.
        is_description = context.mapping.call == "identify"
        revision = reading or (revision_of(content) if is_description else "")
        self._suffix = f":{revision}" if revision else ""

    def chunks(self, rows: Iterable[Row | BadRow], done: int) -> Iterator[RowChunk]:
        """Yield the chunks of a file; of the first `done` only how many rows they have."""
        number, chunk = 0, RowChunk()
        for row in rows:
            self._add(row, chunk, is_done=number < done)
            if chunk.rows == ROWS_PER_CHUNK:
                yield chunk
                number, chunk = number + 1, RowChunk()
        if chunk.rows:
            yield chunk

    def close(self) -> None:
        self._equal.close()

    def key_of(self, row: Row) -> str:
        """Return by what a row is recognised among all of its file. Asked once a row, in order."""
        mapping = self._context.mapping
        key = row_key(mapping, row.cells, 1, self._key)
        count = self._equal.count(key)
        return key if count == 1 else row_key(mapping, row.cells, count, self._key)

    def chunk_of(self, import_id: int, rows: Iterable[tuple[Row, str]]) -> RowChunk:
        """Return the chunk of rows with their keys, for an import that was made after this."""
        chunk = RowChunk()
        for row, key in rows:
            chunk.rows += 1
            try:
                chunk.add(*self._keyed(row, key))
            except RowFault as fault:
                chunk.refusals.append(_refusal(import_id, row, fault))
        return chunk

    def messages(self, row: Row | BadRow) -> tuple[bytes, bytes]:
        """Return the message of a row, and the row itself. Raises RowFault."""
        if isinstance(row, BadRow):
            raise RowFault(row.code, "", row.detail)
        return self._keyed(row, self.key_of(row))

    def _keyed(self, row: Row, key: str) -> tuple[bytes, bytes]:
        message_id = f"row:{key}{self._suffix}"
        message = self._reader.message(row.number, row.cells) | {"messageId": message_id}
        encoded = exact_json.dump_bytes(message)
        packed = exact_json.dump_bytes([row.number, row.cells])
        if len(encoded) > MAX_MESSAGE_BYTES or len(packed) > MAX_BYTES // 2:
            raise RowFault("message_too_large", "", "at most 32 KB of what is mapped")
        return encoded, packed

    def _add(self, row: Row | BadRow, chunk: RowChunk, *, is_done: bool) -> None:
        chunk.rows += 1
        if is_done:
            # Only so that later equal rows are the same ones as in the first attempt.
            if isinstance(row, Row):
                self.key_of(row)
            return
        try:
            chunk.add(*self.messages(row))
        except RowFault as fault:
            chunk.refusals.append(_refusal(self._import_id, row, fault))


def _refusal(import_id: int, row: Row | BadRow, fault: RowFault) -> Refusal:
    return Refusal(import_id, row.number, fault.code, fault.column, fault.detail, row.cells)
