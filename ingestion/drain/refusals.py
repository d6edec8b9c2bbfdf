"""Where what cannot be taken is kept: rows with their file, all else as rejected messages."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from ingestion.file_rows import Refusal, keep_refused
from ingestion.inbox.counts import count_messages, hour_of
from ingestion.inbox.lease import LeasedRow
from ingestion.inbox.rejected import RowRejection, keep_rejected, rejected_places
from ingestion.models import MessageCount, RefusedRow
from profiles.lib import exact_json


def keep_refusals(rejections: Sequence[RowRejection]) -> None:
    """Keep what cannot be taken where staff see it, each once."""
    keep_rejected([each for each in rejections if each.row.file_import_id is None])
    of_files = [each for each in rejections if each.row.file_import_id is not None]
    keep_refused(list(_refusals(of_files)))
    count_messages(Counter(_counter_of(each.row) for each in of_files))


def refused_places(row: LeasedRow) -> set[int]:
    """Return the places of what is refused already of an inbox row."""
    if row.file_import_id is None:
        return rejected_places(row)
    numbers = [number for number, _ in exact_json.loads(row.body.content)["rows"]]
    refused = RefusedRow.objects.filter(file_import_id=row.file_import_id, number__in=numbers)
    known = set(refused.values_list("number", flat=True))
    return {place for place, number in enumerate(numbers) if number in known}


def _counter_of(row: LeasedRow) -> tuple[int, datetime, str]:
    return row.source_id, hour_of(row.received_at), MessageCount.Outcome.REJECTED


def _refusals(rejections: Sequence[RowRejection]) -> Iterator[Refusal]:
    content: dict[str, object] = {}
    of_row: LeasedRow | None = None
    for row, rejection in rejections:
        if row.file_import_id is None:
            continue  # never: for the type checker alone
        if row is not of_row:
            content, of_row = exact_json.loads(row.body.content), row
        number, cells = content["rows"][rejection.place]  # type: ignore[index]
        columns: dict[str, str] = content["columns"]  # type: ignore[assignment]
        column = columns.get(rejection.path) or columns.get(f"identifiers.{rejection.path}", "")
        yield Refusal(row.file_import_id, number, rejection.code, column, rejection.detail, cells)
