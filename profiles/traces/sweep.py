"""Taking erased people out of the rows of others: events, names, source records and trait keys.

Invariant: a row in which nobody was erased is not written.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection

from profiles.lib import exact_json
from profiles.lib.change_queue import mark_changed
from profiles.lib.people_lock import people_lock
from profiles.models import EventName, TraitDefinition
from profiles.registry import Cleaner
from profiles.traces import sql
from profiles.traits.records import recompute_golden

_BATCH = 500
_NAME_LENGTH = 255


def sweep_events(clean: Cleaner) -> int:
    """Clean properties and contexts of all events; return how many changed."""
    changed = 0
    for rows in _batches(sql.EVENTS):
        contents = [[exact_json.loads(text) for text in row[3:]] for row in rows]
        for row, before, after in zip(rows, contents, clean(contents), strict=True):
            if after != before:
                texts = [exact_json.dumps_sorted(content) for content in after]
                _execute(sql.SET_EVENT, [*texts, *row[:3]])
                changed += 1
    return changed


def sweep_names(clean: Cleaner) -> int:
    """Clean the names of events and the keys of traits; return how many changed."""
    names = list(EventName.objects.all())
    changed = 0
    for name, cleaned in zip(names, clean([[name.name] for name in names]), strict=True):
        if cleaned != [name.name]:
            # With its number, so that two names that are now alike stay two.
            text = cleaned[0] if cleaned else "[erased]"
            name.name = f"{text[: _NAME_LENGTH - 21]} {name.pk}"
            name.save(update_fields=["name"])
            changed += 1
    keys = list(TraitDefinition.objects.values_list("key", flat=True))
    cleaned_keys = clean([[key] for key in keys])
    gone = [key for key, cleaned in zip(keys, cleaned_keys, strict=True) if cleaned != [key]]
    TraitDefinition.objects.filter(key__in=gone).delete()
    return changed + len(gone)


def sweep_records(clean: Cleaner) -> int:
    """Clean what sources say of other people, and fold their golden traits again."""
    stale = set()
    changed = 0
    for rows in _batches(sql.RECORDS):
        for record_id, profile_id, text in rows:
            record = exact_json.loads(text)
            cleaned = _cleaned_record(record, clean)
            if cleaned != record:
                _execute(sql.SET_RECORD, [exact_json.dumps_sorted(cleaned), record_id])
                stale.add(profile_id)
                changed += 1
    if stale:
        people_lock()
        mark_changed(recompute_golden(stale))
    return changed


def _cleaned_record(record: dict[str, Any], clean: Cleaner) -> dict[str, Any]:
    """Return a record `{trait: [value, stamps…]}` with its keys and values cleaned."""
    stated = list(record.items())
    singles = clean([{key: entry[0]} for key, entry in stated])
    return {
        cleaned_key: [cleaned_value, *entry[1:]]
        for (_, entry), single in zip(stated, singles, strict=True)
        for cleaned_key, cleaned_value in single.items()
    }


def _batches(statement: str) -> Iterator[Sequence[Any]]:
    """Yield all rows in parts, from a cursor of the server: the tables are large."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement)
        while rows := cursor.fetchmany(_BATCH):
            yield rows


def _execute(statement: str, parameters: Sequence[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
