"""What the columns of a query are to the machinery of files, which rows go through."""

from collections.abc import Mapping

from ingestion.imports.formats import TYPED
from ingestion.imports.mapping import RowMapping
from profiles.lib import exact_json


def header_of(mapping: RowMapping) -> bytes:
    """Return the column that each target of the mapping is read from, as the head of a body."""
    columns: Mapping[str, str] = {str(target): target.column for target in mapping.targets}
    return exact_json.dump_bytes(columns)


def typed_formats(mapping: RowMapping) -> dict[str, str]:
    """Return the formats of columns that have types of their own."""
    return {target.column: TYPED for target in mapping.targets}
