"""The part of the data that a person may take elsewhere: what they gave and what was observed.

Article 20(1) covers data that the person provided. Observed data count (WP 242), inferred do not.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from consent.requests.archives.collecting import PersonCopy, Row
from profiles.lib.exact_json import dumps
from profiles.lib.formulas import neutralised
from profiles.models import SourceRecord, SpecialTrait
from profiles.registry import FieldClass, PersonalData
from profiles.services import trait_origins

_PORTABLE_ORIGINS = (FieldClass.GIVEN, FieldClass.OBSERVED)


def portable_sections(copy: PersonCopy) -> Iterator[tuple[str, Iterator[Row]]]:
    """Yield the title of each section with the portable part of each row that has one."""
    for data, rows in copy.sections():
        yield data.title, _portable_rows(data, rows)


def lines_of_csv(rows: Iterable[Row]) -> Iterator[str]:
    """Yield CSV (RFC 4180) of the rows of one section, with a line for each trait of a source.

    Whatever is no single value is JSON. No spreadsheet takes a cell for a formula.
    """
    lines = (line for row in rows for line in _flattened(row))
    for number, line in enumerate(lines):
        if number == 0:
            # The mark, so that Excel reads the file as UTF-8.
            yield "\ufeff" + _line(line)
        yield _line(_cell(value) for value in line.values())


def _portable_rows(data: PersonalData, rows: Iterator[Row]) -> Iterator[Row]:
    names = data.portable
    portable = ({name: row[name] for name in row if name in names} for row in rows)
    is_of_traits = data.model in (SourceRecord, SpecialTrait)
    return _with_portable_traits(portable) if is_of_traits else filter(None, portable)


def _with_portable_traits(rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Leave out traits that were concluded, or of which nobody has said whose word they are."""
    records = list(rows)
    origins = trait_origins({key for record in records for key in record["traits"]})
    for record in records:
        traits = record["traits"].items()
        kept = {key: entry for key, entry in traits if origins[key] in _PORTABLE_ORIGINS}
        if kept:
            yield record | {"traits": kept}


def _flattened(row: Row) -> Iterator[Mapping[str, Any]]:
    traits = row.get("traits")
    if not isinstance(traits, Mapping):
        yield row
        return
    others = {name: value for name, value in row.items() if name != "traits"}
    for key, entry in traits.items():
        # What was said of an account has no time of its own.
        dated = entry if isinstance(entry, Mapping) and "at" in entry else {"value": entry}
        yield {**others, "trait": key, "value": dated["value"], "at": dated.get("at")}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else dumps(value).strip('"')
    return neutralised(text)


def _line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(list(cells))
    return line.getvalue()
