"""The ends of rows of imported files: counted, and kept where they were refused.

Invariant: a row is counted in the transaction in which it ends, so that the counts add up wherever
a worker was killed.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import F

from consent.services import find_suppressed, mentions
from ingestion.forbidden_names import load_forbidden, without_forbidden_cells
from ingestion.inbox import sql
from ingestion.inbox.body import pack_message, unpack_message
from ingestion.models import FileImport, RefusedRow
from profiles.identifiers.lookup import load_normalisers, spelled
from profiles.identifiers.normalisers import InvalidIdentifier
from profiles.lib import exact_json

_IDENTIFIERS = frozenset({"email", "phone", "user_id", "anonymous_id"})
STORED, UNCHANGED, REFUSED, DROPPED = "stored", "unchanged", "refused", "dropped"
OF_AN_ERASED_PERSON = "It mentions somebody who was erased, so that its content is not kept."


class Refusal(NamedTuple):
    """One row that cannot be taken, and why."""

    import_id: int
    number: int
    code: str
    column: str
    detail: str
    cells: Mapping[str, Any]


def count_rows(counts: Mapping[tuple[int, str], int]) -> None:
    """Add to the counts of imports, each of an import and an end."""
    # In order, so that two drains cannot deadlock.
    for (import_id, end), count in sorted(counts.items()):
        FileImport.objects.filter(pk=import_id).update(**{end: F(end) + count})
    for import_id in sorted({import_id for import_id, _ in counts}):
        finish_if_ended(import_id)


def finish_if_ended(import_id: int) -> bool:
    """End an import that was read and all of whose rows ended."""
    with connection.cursor() as cursor:
        cursor.execute(sql.FINISH_IMPORT, [import_id])
        return bool(cursor.rowcount)


def keep_refused(refusals: Sequence[Refusal]) -> None:
    """Keep refused rows and count them. Of those that mention an erased person only the reason."""
    if not refusals:
        return
    rows = [_row(refusal) for refusal in _without_forbidden(_without_erased(refusals))]
    RefusedRow.objects.bulk_create(rows, ignore_conflicts=True)
    count_rows(Counter((refusal.import_id, REFUSED) for refusal in refusals))


def cells_of(refused: RefusedRow) -> dict[str, Any]:
    """Return the cells of a refused row by column."""
    cells: dict[str, Any] = exact_json.loads(unpack_message(refused.cells))
    return cells


def _without_forbidden(refusals: Iterable[Refusal]) -> Iterator[Refusal]:
    """Empty the cells that the source of the file must not send."""
    kept, forbidden = list(refusals), load_forbidden()
    ids = {refusal.import_id for refusal in kept}
    imports = FileImport.objects.in_bulk(ids)
    for refusal in kept:
        file_import = imports.get(refusal.import_id)
        if file_import is None:
            yield refusal
            continue
        names = forbidden.of(file_import.source_id).names
        cells = without_forbidden_cells(refusal.cells, file_import.mapping, names)
        yield refusal._replace(cells=cells)


def _row(refusal: Refusal) -> RefusedRow:
    return RefusedRow(
        file_import_id=refusal.import_id,
        number=refusal.number,
        code=refusal.code,
        column=refusal.column[:255],
        detail=refusal.detail,
        cells=pack_message(exact_json.dump_bytes(refusal.cells)),
    )


def references_in_row(
    columns: Mapping[str, str], cells: Mapping[str, Any], normalisers: Mapping[str, str]
) -> Iterator[str]:
    """Yield whom a row names by the targets of its columns, and whom its cells mention."""
    yield from mentions(cells, region=settings.DEFAULT_PHONE_REGION)
    for column, target in columns.items():
        namespace = target.removeprefix("identifiers.")
        cell = cells.get(column)
        if cell is not None and (namespace != target or target in _IDENTIFIERS):
            with suppress(InvalidIdentifier):
                yield f"{namespace}:{spelled(namespace, cell, normalisers)}"


def _without_erased(refusals: Sequence[Refusal]) -> list[Refusal]:
    ids = {refusal.import_id for refusal in refusals}
    mappings = dict(FileImport.objects.filter(pk__in=ids).values_list("pk", "mapping"))
    normalisers = load_normalisers()

    def mentioned(refusal: Refusal) -> set[str]:
        columns = mappings[refusal.import_id]["columns"]
        return set(references_in_row(columns, refusal.cells, normalisers))

    # A generator: rows are only searched where anybody was ever erased.
    erased = find_suppressed(ref for refusal in refusals for ref in mentioned(refusal))
    if not erased:
        return list(refusals)
    return [
        refusal._replace(cells={}, detail=OF_AN_ERASED_PERSON)
        if not erased.isdisjoint(mentioned(refusal))
        else refusal
        for refusal in refusals
    ]
