"""The formats of files about people who enter, leave or are to be forgotten.

A row has `action` (`enter`, which is also a change, `exit` or `forget`) and what the mapping found.
A JSON line has no more; CSV and Parquet have a column for each name of the mapping, and Parquet
keeps all of them as texts, so that files of different days fit together.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from profiles.lib import exact_json
from segments.lib.tables import ColumnType, TableColumn, write_csv, write_parquet

ACTION = "action"
People = Sequence[Mapping[str, Any]]


def _json_lines(action: str, names: Sequence[str], people: People) -> bytes:
    lines = (exact_json.dumps({ACTION: action, **fields}) + "\n" for fields in people)
    return "".join(lines).encode()


def _csv(action: str, names: Sequence[str], people: People) -> bytes:
    rows = [[action, *(fields.get(name) for name in names)] for fields in people]
    return b"".join(write_csv(_columns(names), [rows]))


def _parquet(action: str, names: Sequence[str], people: People) -> bytes:
    rows = [[action, *(_text(fields.get(name)) for name in names)] for fields in people]
    return b"".join(write_parquet(_columns(names), [rows]))


def _columns(names: Sequence[str]) -> list[TableColumn]:
    return [TableColumn(name, ColumnType.TEXT) for name in (ACTION, *names)]


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else exact_json.dumps(value)


# By the ending of the file, the content about people: the action, the names of the mapping, and
# what it found of each.
FORMATS: Mapping[str, Callable[[str, Sequence[str], People], bytes]] = {
    "jsonl": _json_lines,
    "csv": _csv,
    "parquet": _parquet,
}
