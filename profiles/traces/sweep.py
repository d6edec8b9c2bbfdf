"""Taking erased people out of the rows of others: events, names, records, keys and reasons.

Invariant: a row in which nobody was erased is not written. Rows are searched without a lock, since
there are many; those to write are read again under the people lock, so that no newer statement is
written over.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from profiles.lib import exact_json
from profiles.lib.change_queue import mark_changed
from profiles.lib.people_lock import people_lock
from profiles.models import AuditBody, EventName, SchemaKey, TraitDefinition
from profiles.registry import Cleaner
from profiles.traces import sql
from profiles.traits.computed import store_computed
from profiles.traits.records import recompute_golden

_BATCH = 5000
_NAME_LENGTH = 255


def sweep_events(clean: Cleaner, *, before: datetime) -> int:
    """Clean properties and contexts of events received until then; return how many changed."""
    batches = in_batches(sql.EVENTS, [before])
    keys = [row[1:3] for rows in batches for row in _stained_events(rows, clean)]
    if keys:
        people_lock()
    changed = set()
    for key in keys:
        for row in _stained_events(_fetch(sql.ONE_EVENT, key), clean):
            cleaned = clean([exact_json.loads(text) for text in row[3:]])
            texts = [exact_json.dumps_sorted(content) for content in cleaned]
            _execute(sql.SET_EVENT, [*texts, *row[:3]])
            changed.add(row[0])
    mark_changed(changed)
    return len(keys)


def _stained_events(rows: Sequence[Any], clean: Cleaner) -> Iterator[Any]:
    """Yield the events that name an erased person."""
    stained = _stained({text for row in rows for text in row[3:]}, clean)
    return (row for row in rows if not stained.isdisjoint(row[3:]))


def _stained(texts: Iterable[str], clean: Cleaner) -> set[str]:
    """Return the JSON texts that cleaning changes. Those of many rows are looked into once."""
    suspects = [text for text in texts if clean.may_change(text)]
    contents = [exact_json.loads(text) for text in suspects]
    cleaned = zip(suspects, contents, clean(contents), strict=True)
    return {text for text, before, after in cleaned if after != before}


def sweep_names(clean: Cleaner) -> int:
    """Clean the names of events and the keys of traits; return how many changed."""
    # Drains name events and traits under it, too.
    people_lock()
    names = [name for name in EventName.objects.all() if clean.may_change(name.name)]
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
    return changed + len(gone) + _sweep_schema(clean)


def _sweep_schema(clean: Cleaner) -> int:
    """Delete from the registry what is named like an erased person."""
    rows = list(SchemaKey.objects.values_list("pk", "path"))
    suspects = [(pk, path) for pk, path in rows if clean.may_change(path)]
    cleaned = clean([[path] for _, path in suspects])
    pairs = zip(suspects, cleaned, strict=True)
    gone = [pk for (pk, path), left in pairs if left != [path]]
    SchemaKey.objects.filter(pk__in=gone).delete()
    return len(gone)


def sweep_records(clean: Cleaner) -> int:
    """Clean what sources say of other people, and fold their golden traits again."""
    record_ids = [
        record_id
        for rows in in_batches(sql.RECORDS)
        for record_id, _, record in _records([row for row in rows if clean.may_change(row[2])])
        if cleaned_record(record, clean) != record
    ]
    if not record_ids:
        return 0
    people_lock()
    stale = set()
    for record_id, profile_id, record in _records(_fetch(sql.SOME_RECORDS, [record_ids])):
        cleaned = exact_json.dumps_sorted(cleaned_record(record, clean))
        _execute(sql.SET_RECORD, [cleaned, profile_id, record_id])
        stale.add(profile_id)
    mark_changed(recompute_golden(stale))
    return len(record_ids)


def sweep_computed(clean: Cleaner) -> int:
    """Take away what was computed from texts that name somebody; return how many values went.

    They are computed again from the events, which are cleaned as well.
    """
    stale = [
        (profile_id, trait_id)
        for rows in in_batches(sql.COMPUTED)
        for profile_id, trait_id, text in rows
        if not _stained([text], clean).isdisjoint([text])
    ]
    for profile_id, trait_id in stale:
        mark_changed(store_computed({profile_id: {trait_id: None}}))
    return len(stale)


def sweep_audit(clean: Cleaner) -> int:
    """Clean the reasons of audit entries that name somebody; return how many changed.

    Those that were written about a person went with the person.
    """
    bodies = AuditBody.objects.exclude(reason="").only("reason")
    suspects = [body for body in bodies.iterator() if clean.may_change(body.reason)]
    changed = 0
    for body, cleaned in zip(suspects, clean([[body.reason] for body in suspects]), strict=True):
        if cleaned != [body.reason]:
            body.reason = cleaned[0] if cleaned else "[erased]"
            body.save(update_fields=["reason"])
            changed += 1
    return changed


def _records(rows: Sequence[Any]) -> Iterator[tuple[int, int, dict[str, Any]]]:
    for record_id, profile_id, text in rows:
        yield record_id, profile_id, exact_json.loads(text)


def cleaned_record(record: dict[str, Any], clean: Cleaner) -> dict[str, Any]:
    """Return a record `{trait: [value, stamps…]}` with its keys and values cleaned."""
    stated = list(record.items())
    singles = clean([{key: entry[0]} for key, entry in stated])
    return {
        cleaned_key: [cleaned_value, *entry[1:]]
        for (_, entry), single in zip(stated, singles, strict=True)
        for cleaned_key, cleaned_value in single.items()
    }


def in_batches(statement: str, parameters: Sequence[Any] = ()) -> Iterator[Sequence[Any]]:
    """Yield all rows in parts, from a cursor of the server: the tables are large."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement, parameters)
        while rows := cursor.fetchmany(_BATCH):
            yield rows


def _execute(statement: str, parameters: Sequence[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def _fetch(statement: str, parameters: Sequence[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[Any] = cursor.fetchall()
        return rows
