"""What a SQL source would bring: its first rows, what each means, and what the query costs.

Invariant: nothing is written, here or there. Rows are judged by the code that runs sources.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from ingestion.imports.chunks import ChunkMaker
from ingestion.imports.faults import RowFault
from ingestion.imports.inspect import Column, column_of
from ingestion.imports.job import known_purposes
from ingestion.imports.mapping import RowMapping, check_columns
from ingestion.imports.proposals import propose_mapping
from ingestion.imports.rows import RowContext
from ingestion.imports.tables import Row
from ingestion.models import SqlSource
from ingestion.sql_sources.addresses import read_url
from ingestion.sql_sources.columns import mapping_of, typed_formats
from ingestion.sql_sources.keep import SqlSourceDraft, judge
from ingestion.sql_sources.positions import stored_position
from ingestion.sql_sources.queries import checked_query
from ingestion.sql_sources.reading import (
    Cells,
    Query,
    cost_of,
    count_without_cursor,
    first_rows,
    reading,
)
from profiles.lib import exact_json

SHOWN_ROWS = 20


class PreviewRow(NamedTuple):
    """A row with its message, or with the code, the column and the reason of its refusal."""

    cells: Cells
    message: Mapping[str, Any] | None = None
    code: str = ""
    column: str = ""
    detail: str = ""


@dataclass(slots=True)
class SqlPreview:
    """The first rows of a query. `cost` is in the database's own unit, None where it has none."""

    columns: list[str] = field(default_factory=list)
    rows: list[PreviewRow] = field(default_factory=list)
    cost: float | None = None
    without_cursor: int = 0


def preview_sql_source(
    draft: SqlSourceDraft, *, now: datetime, is_counted: bool = True
) -> SqlPreview:
    """Return what a source would bring. Raises WrongSqlSource, MappingFaults and SqlFault.

    What is not counted is read of its first rows alone.
    """
    judged = judge(draft)
    query = Query(judged.url, judged.draft.query, draft.cursor_column)
    with reading(query.url) as other:
        rows = first_rows(other, query, SHOWN_ROWS)
        preview = SqlPreview()
        if is_counted:
            preview.cost = cost_of(other, query)
            preview.without_cursor = count_without_cursor(other, query)
    if rows:
        preview.columns = list(rows[0])
        check_columns(judged.mapping, preview.columns)
        if draft.cursor_column:
            # One that cannot be stored is better known now than at the first run.
            stored_position(rows[-1][draft.cursor_column])
    mapping = mapping_of(draft.mapping, draft.cursor_column, now)
    preview.rows = _judged(rows, draft, mapping, now)
    return preview


def read_sql_columns(draft: SqlSourceDraft) -> tuple[Sequence[Column], dict[str, Any]]:
    """Return the columns of a query, and the mapping that is likely meant.

    Raises WrongSqlSource and SqlFault.
    """
    query = Query(read_url(draft.url), checked_query(draft.query), draft.cursor_column)
    with reading(query.url) as other:
        rows = first_rows(other, query, SHOWN_ROWS)
    columns = [column_of(name, [row[name] for row in rows]) for name in (rows[0] if rows else ())]
    return columns, propose_mapping(columns, known_purposes(draft.source.pk))


def position_text(sql_source: SqlSource) -> str:
    """Return how far a source was read, for people."""
    return "" if sql_source.position is None else str(sql_source.position["value"])


def _judged(
    rows: Sequence[Cells], draft: SqlSourceDraft, mapping: RowMapping, now: datetime
) -> list[PreviewRow]:
    purposes = known_purposes(draft.source.pk)
    context = RowContext(mapping, typed_formats(mapping), purposes, draft.name, now)
    with closing(ChunkMaker(0, context, draft.mapping)) as maker:
        return [_judged_row(maker, number, cells) for number, cells in enumerate(rows, 1)]


def _judged_row(maker: ChunkMaker, number: int, cells: Cells) -> PreviewRow:
    try:
        encoded, _ = maker.messages(Row(number, cells))
    except RowFault as fault:
        return PreviewRow(cells, None, fault.code, fault.column, fault.detail)
    message: dict[str, Any] = exact_json.loads(encoded)
    return PreviewRow(cells, message)
