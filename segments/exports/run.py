"""The file of an export: written while it is read, with how far it is, and how it ended."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from profiles.admin.kit.masks import Mask
from profiles.lib.database import array_of
from profiles.lib.people_lock import people_lock
from profiles.services import load_categories
from segments.exports import sql
from segments.exports.batches import Batch, Wanted, read_batches
from segments.exports.columns import Column, column_choices, read_columns
from segments.exports.people import people_of
from segments.lib import tables
from segments.lib.people_by_reference import anchors_by_uuid
from segments.lib.sealing import sealed
from segments.models import MemberExport

Format, State = MemberExport.Format, MemberExport.State
WRITERS: dict[str, Callable[..., Iterator[bytes]]] = {
    Format.CSV: tables.write_csv,
    Format.JSON_LINES: tables.write_json_lines,
    Format.PARQUET: tables.write_parquet,
}
MEDIA_TYPES = {
    Format.CSV: "text/csv",
    Format.JSON_LINES: "application/x-ndjson",
    Format.PARQUET: "application/vnd.apache.parquet",
}
# A batch takes seconds: after this time nobody writes the export any more.
SILENCE = timedelta(minutes=10)


def write_export(export: MemberExport, *, after: int = 0) -> Iterator[bytes]:
    """Return the file of an export that was taken, and keep how far it is.

    It begins behind the profile `after`. Where the reader goes away the export is stopped, and
    likewise where its segment or list is closed: then Closed is raised, so that nobody takes the
    file for a whole one. Raises UnknownColumns where a column is gone since, and DefinitionError.
    """
    columns = read_columns(export.columns, column_choices())
    mask = Mask(False, load_categories()) if export.is_masked else Mask(is_open=True)
    wanted = Wanted(people_of(export), export.purpose, columns, mask)
    file = _written(export, columns, read_batches(wanted, after=after))
    return sealed(file, export.recipient) if export.recipient else file


def stop_silent_exports() -> int:
    """Mark as stopped the exports whose process is gone, and return how many.

    A slow reader may be silent too: its export runs again with the next batch.
    """
    last_sign = timezone.now() - SILENCE
    silent = MemberExport.objects.filter(state=State.RUNNING, moved_at__lt=last_sign)
    return silent.update(state=State.STOPPED)


def _written(
    export: MemberExport, columns: Sequence[Column], batches: Iterator[Batch]
) -> Iterator[bytes]:
    try:
        yield from WRITERS[export.format](columns, _counted(export, batches))
        export.state = State.DONE
    finally:
        if export.state != State.DONE:
            export.state = State.STOPPED
        _save(export)


def _counted(export: MemberExport, batches: Iterator[Batch]) -> Iterator[list[list[object]]]:
    while (batch := _next(export, batches)) is not None:
        export.read += batch.read
        export.written += len(batch.rows)
        export.left_out = dict(Counter(export.left_out) + batch.left_out)
        _save(export)
        yield batch.rows


def _next(export: MemberExport, batches: Iterator[Batch]) -> Batch | None:
    """Read the next batch; who is in it is kept where no history of a segment tells it."""
    if export.segment is not None:
        return next(batches, None)
    with transaction.atomic():
        # Nobody in the batch is merged or erased before it is written down.
        people_lock(shared=True)
        batch = next(batches, None)
        if batch is not None:
            _note_written(export, batch.written)
        return batch


def _note_written(export: MemberExport, uuids: Sequence[UUID]) -> None:
    anchors = anchors_by_uuid(map(str, uuids))
    with connection.cursor() as cursor:
        cursor.execute(
            sql.NOTE_WRITTEN,
            {
                "export": export.pk,
                "profiles": array_of(anchors),
                "identifiers": array_of(anchors.values()),
            },
        )


def _save(export: MemberExport) -> None:
    export.moved_at = timezone.now()
    export.save(update_fields=["read", "written", "left_out", "state", "moved_at"])
