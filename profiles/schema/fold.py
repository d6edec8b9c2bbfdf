"""Adding tallies up to the registry.

Invariant: a tally is deleted in the transaction that adds it, so that it counts once, however often
or where a worker is killed. What two workers add at once they lock in one order.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count

from profiles.events.money import guess_is_money
from profiles.models import (
    EventName,
    SchemaKey,
    SchemaKeyDay,
    SchemaPart,
    SchemaTally,
    SchemaVolume,
    Source,
    TraitDefinition,
)
from profiles.schema.tallies import KeyCount, Subject, SubjectCount, unpacked
from profiles.traits.sensitivity import guess_property_category

AT_ONCE = 500
# Of one event, of all traits, and of the context. A sender may invent names without end.
MOST_KEYS = 300
DAYS_KEPT = timedelta(days=400)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KeyPlace = tuple[str, int | None, str]  # part, event's name, path
Place = tuple[str, int | None]


def fold_tallies() -> int:
    """Add up what was counted since; return how many tallies that were."""
    total = 0
    while count := _fold_some():
        total += count
    return total


def prune_schema(*, now: datetime) -> None:
    """Delete figures of days that are over 400 days ago."""
    oldest = (now - DAYS_KEPT).date()
    SchemaKeyDay.objects.filter(day__lt=oldest).delete()
    SchemaVolume.objects.filter(day__lt=oldest).delete()


def _fold_some() -> int:
    with transaction.atomic():
        # What another worker adds at this moment is left to it.
        tallies = SchemaTally.objects.select_for_update(skip_locked=True).order_by("id")
        rows = list(tallies[:AT_ONCE])
        counts: dict[Subject, SubjectCount] = defaultdict(SubjectCount)
        for row in rows:
            for subject, count in unpacked(row.content):
                counts[subject].add(count)
        _add(_without_unknown(counts))
        SchemaTally.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


def _without_unknown(counts: Mapping[Subject, SubjectCount]) -> dict[Subject, SubjectCount]:
    """Leave out what was of a source, a name or a trait that is gone meanwhile."""
    sources = set(Source.objects.values_list("pk", flat=True))
    wanted = {subject.name_id for subject in counts if subject.name_id is not None}
    names = set(EventName.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    known = {
        subject: count
        for subject, count in counts.items()
        if subject.source_id in sources and (subject.name_id is None or subject.name_id in names)
    }
    traits = {path for each, count in known.items() if _is_trait(each) for path in count.keys}
    defined = set(TraitDefinition.objects.filter(key__in=traits).values_list("key", flat=True))
    for subject, count in known.items():
        if _is_trait(subject):
            count.keys = {path: key for path, key in count.keys.items() if path in defined}
    return known


def _is_trait(subject: Subject) -> bool:
    return subject.part == SchemaPart.TRAIT


def _add(counts: Mapping[Subject, SubjectCount]) -> None:
    keys = _add_keys(counts)
    for (part, name_id, source_id, day), count in _ordered(counts):
        volume = _locked(
            SchemaVolume,
            part=part,
            name_id=name_id,
            source_id=source_id,
            day=date.fromisoformat(day),
        )
        volume.messages += count.messages
        volume.sampled += count.sampled
        volume.save(update_fields=["messages", "sampled"])
    days: dict[tuple[int, int, str], int] = defaultdict(int)
    for (part, name_id, source_id, day), count in counts.items():
        for path, key in count.keys.items():
            if (key_id := keys.get((part, name_id, path))) is not None:
                days[key_id, source_id, day] += key.seen
    _add_days(days)


def _ordered(counts: Mapping[Subject, SubjectCount]) -> list[tuple[Subject, SubjectCount]]:
    return sorted(counts.items(), key=lambda item: (item[0].part, item[0].name_id or 0, item[0]))


def _locked(model: Any, **key: Any) -> Any:
    model.objects.bulk_create([model(**key)], ignore_conflicts=True)
    return model.objects.select_for_update().get(**key)


def _add_keys(counts: Mapping[Subject, SubjectCount]) -> dict[KeyPlace, int]:
    """Add types and times to the keys, make those that are new, and return the ids of all."""
    seen: dict[KeyPlace, KeyCount] = {}
    for subject, count in counts.items():
        for path, key in count.keys.items():
            place = (subject.part, subject.name_id, path)
            seen.setdefault(place, KeyCount(key.first, key.last)).add(key)
    _make_keys(seen)
    rows = list(_keys_of(seen).select_for_update().order_by("id"))
    for row in rows:
        key = seen[row.part, row.name_id, row.path]
        for kind, number in key.types.items():
            row.types[kind] = row.types.get(kind, 0) + number
        row.first_seen_at = min(row.first_seen_at, _moment(key.first))
        row.last_seen_at = max(row.last_seen_at, _moment(key.last))
    SchemaKey.objects.bulk_update(rows, ["types", "first_seen_at", "last_seen_at"])
    return {(row.part, row.name_id, row.path): row.pk for row in rows}


def _make_keys(seen: Mapping[KeyPlace, KeyCount]) -> None:
    known = {(row.part, row.name_id, row.path) for row in _keys_of(seen)}
    numbers = _numbers_of_keys(seen)
    rows = []
    for place in sorted(seen.keys() - known, key=lambda each: (each[0], each[1] or 0, each[2])):
        part, name_id, path = place
        if numbers[part, name_id] < MOST_KEYS:
            numbers[part, name_id] += 1
            first, last = map(_moment, (seen[place].first, seen[place].last))
            category = guess_property_category(path)
            rows.append(
                SchemaKey(
                    part=part,
                    name_id=name_id,
                    path=path,
                    first_seen_at=first,
                    last_seen_at=last,
                    category=category,
                    is_money=part == SchemaPart.PROPERTY and guess_is_money(path),
                )
            )
    SchemaKey.objects.bulk_create(rows, ignore_conflicts=True)


def _numbers_of_keys(places: Iterable[KeyPlace]) -> dict[Place, int]:
    parts = {part for part, _, _ in places}
    rows = SchemaKey.objects.filter(part__in=parts).order_by().values_list("part", "name")
    numbers: dict[Place, int] = defaultdict(int)
    for part, name_id, number in rows.annotate(number=Count("pk")):
        numbers[part, name_id] = number
    return numbers


def _keys_of(places: Iterable[KeyPlace]) -> Any:
    """Return the rows of just these keys, since a path may be of many events."""
    wanted = set(places)
    rows = SchemaKey.objects.filter(
        part__in={part for part, _, _ in wanted}, path__in={path for _, _, path in wanted}
    )
    ids = [
        pk
        for pk, *place in rows.values_list("pk", "part", "name_id", "path")
        if tuple(place) in wanted
    ]
    return SchemaKey.objects.filter(pk__in=ids)


def _add_days(days: Mapping[tuple[int, int, str], int]) -> None:
    fresh = [
        SchemaKeyDay(key_id=key_id, source_id=source_id, day=date.fromisoformat(day))
        for key_id, source_id, day in sorted(days)
    ]
    SchemaKeyDay.objects.bulk_create(fresh, ignore_conflicts=True)
    rows = SchemaKeyDay.objects.filter(
        key__in={key_id for key_id, _, _ in days}, day__in={day for _, _, day in days}
    )
    locked = list(rows.select_for_update().order_by("id"))
    for row in locked:
        row.seen += days.get((row.key_id, row.source_id, row.day.isoformat()), 0)
    SchemaKeyDay.objects.bulk_update(locked, ["seen"])


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
