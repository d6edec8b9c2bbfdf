"""What the columns of a query are to the machinery of files, which rows go through."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ingestion.imports.faults import Fault, MappingFaults
from ingestion.imports.formats import TYPED
from ingestion.imports.mapping import RowMapping, parse_mapping
from profiles.lib import exact_json


def header_of(mapping: RowMapping) -> bytes:
    """Return the column that each target of the mapping is read from, as the head of a body."""
    columns: Mapping[str, str] = {str(target): target.column for target in mapping.targets}
    return exact_json.dump_bytes(columns)


def typed_formats(mapping: RowMapping) -> dict[str, str]:
    """Return the formats of columns that have types of their own."""
    return {target.column: TYPED for target in mapping.targets}


def mapping_of(content: Any, cursor_column: str, read_at: datetime) -> RowMapping:
    """Parse the mapping of a query. Raises MappingFaults.

    Without a cursor, rows that have no time of their own are true when they are read: with a fixed
    one, a value that changes would be as old as the former.
    """
    if cursor_column or not isinstance(content, Mapping):
        return parse_mapping(content)
    if "as_of" in content:
        raise MappingFaults([Fault("as_of", "unknown_field", "a cursor column, or no as_of")])
    return parse_mapping({**content, "as_of": read_at.isoformat()})
