"""One export from its start to its end: who may have whom, how far it is, and how it ended."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID, uuid4

from django.utils import timezone

from consent.models import Purpose
from profiles.admin.kit.masks import Mask
from profiles.services import Actor, audited
from segments.definitions.save import SegmentError
from segments.exports.batches import Wanted, read_batches
from segments.exports.columns import Column
from segments.lib import tables
from segments.lib.failures import require_open
from segments.memberships.pause import require_delivering
from segments.models import MemberExport, Segment

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
EXPORTED = "segment.exported"
# A batch takes seconds: after this time nobody writes the export any more.
SILENCE = timedelta(minutes=10)


def start_export(
    segment: Segment,
    *,
    purpose: Purpose | None,
    columns: list[Column],
    format: str,  # noqa: A002  # the field's name, as in the API
    actor: Actor,
    export_id: UUID | None = None,
) -> MemberExport:
    """Write down that members are about to leave the system. Nobody has left it yet.

    Without a purpose that of the segment is meant. Raises SegmentError where there is none, where
    the segment is not live or paused, or the id is taken, and SegmentFailed.
    """
    require_open(segment)
    purpose = purpose or segment.purpose
    if purpose is None:
        raise SegmentError("purpose", "An internal segment leaves only for a purpose: name one.")
    if segment.status != Segment.Status.LIVE:
        raise SegmentError("status", "Only a live segment has members.")
    require_delivering(segment)
    with audited(actor, EXPORTED) as deed:
        # One statement: the form of a page may be sent twice at once.
        export, is_new = MemberExport.objects.get_or_create(
            id=export_id or uuid4(),
            defaults={
                "segment": segment,
                "purpose": purpose,
                "actor": str(actor),
                "format": format,
                "columns": [column.name for column in columns],
                "members": segment.size,
            },
        )
        if not is_new:
            raise SegmentError("id", "There is an export with this id.")
        deed.about(
            "segment",
            segment.key,
            purpose=[None, purpose.key],
            format=[None, format],
            columns=[None, export.columns],
            export=[None, str(export.pk)],
        )
    return export


def write_export(export: MemberExport, columns: list[Column], mask: Mask) -> Iterator[bytes]:
    """Yield the file of an export that was started, and keep how far it is.

    Where the reader goes away the export is stopped, and likewise where the segment is closed: then
    SegmentClosed is raised, so that nobody takes the file for a whole one.
    """
    wanted = Wanted(export.segment, export.purpose, columns, mask)
    try:
        yield from WRITERS[export.format](columns, _counted(export, wanted))
        export.state = State.DONE
    finally:
        if export.state != State.DONE:
            export.state = State.STOPPED
        _save(export)


def stop_silent_exports() -> int:
    """Mark as stopped the exports whose process is gone, and return how many.

    A slow reader may be silent too: its export runs again with the next batch.
    """
    last_sign = timezone.now() - SILENCE
    silent = MemberExport.objects.filter(state=State.RUNNING, moved_at__lt=last_sign)
    return silent.update(state=State.STOPPED)


def _counted(export: MemberExport, wanted: Wanted) -> Iterator[list[list[object]]]:
    for batch in read_batches(wanted):
        export.read += batch.read
        export.written += len(batch.rows)
        export.left_out = dict(Counter(export.left_out) + batch.left_out)
        _save(export)
        yield batch.rows


def _save(export: MemberExport) -> None:
    export.moved_at = timezone.now()
    export.save(update_fields=["read", "written", "left_out", "state", "moved_at"])
