"""Traits that become special, or are so no longer: their values change places.

Invariant: a value is in one of both places, also for whoever reads meanwhile. Whoever saves a
category calls these functions in the same transaction, under the people lock.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from profiles.lib import exact_json
from profiles.lib.batches import batches
from profiles.lib.change_queue import mark_changed
from profiles.lib.database import array_of, database_now
from profiles.lib.people_lock import people_lock
from profiles.models import SourceRecord, SpecialTrait, TraitDefinition, TraitLock
from profiles.traits import sql
from profiles.traits.golden import merge_record
from profiles.traits.records import load_records, recompute_golden, store_records
from profiles.traits.special import (
    SpecialKey,
    SpecialStatement,
    load_special,
    opened,
    sealed_value,
    special_among,
    store_special,
)
from profiles.traits.statements import RecordKey

_BATCH = 5_000


def set_apart(trait: str) -> None:
    """Encrypt all that sources and corrections say of a trait, and take it out of all records."""
    for profile_ids in _batches(*_open_holders([trait])):
        _set_apart_of(trait, profile_ids)


def set_all_apart() -> None:
    """Set apart what lies open of special traits: versions before knew no other place.

    Each batch of people in a transaction of its own.
    """
    special = special_among(TraitDefinition.objects.values_list("key", flat=True))
    if not any(holders.exists() for holders in _open_holders(special)):
        return
    for trait in sorted(special):
        for profile_ids in _batches(*_open_holders([trait])):
            with transaction.atomic():
                people_lock()
                _set_apart_of(trait, profile_ids)


def put_back(trait: str) -> None:
    """Return all that sources and corrections say of a trait to the records."""
    corrected = TraitLock.objects.filter(key=trait, sealed__isnull=False)
    for profile_ids in _batches(SpecialTrait.objects.filter(key=trait), corrected):
        records = load_records(profile_ids).records
        changed = {}
        for special, value, at, arrival in load_special(profile_ids):
            if special.trait == trait:
                key = RecordKey(*special[:-1])
                changed[key] = records.setdefault(key, {})
                merge_record(changed[key], {trait: value}, at, arrival)
        store_records(changed, database_now())
        SpecialTrait.objects.filter(profile__in=profile_ids, key=trait).delete()
        _open_locks(trait, profile_ids)
        mark_changed(recompute_golden(profile_ids))


def _set_apart_of(trait: str, profile_ids: Sequence[int]) -> None:
    records = load_records(profile_ids).records
    store_special(
        SpecialStatement(SpecialKey(*key, trait), value, at, arrival[0] if arrival else 0)
        for key, record in records.items()
        if trait in record
        for value, at, *arrival in (record[trait],)
    )
    with connection.cursor() as cursor:
        cursor.execute(sql.DROP_TRAIT, [trait, array_of(profile_ids), trait])
    _seal_locks(trait, profile_ids)
    mark_changed(recompute_golden(profile_ids))


def _open_holders(traits: Collection[str]) -> list[QuerySet[Any]]:
    return [
        SourceRecord.objects.filter(traits__has_any_keys=list(traits)),
        TraitLock.objects.filter(key__in=traits, sealed=None),
    ]


def _batches(*holders: QuerySet[Any]) -> Iterator[Sequence[int]]:
    ids = {pk for rows in holders for pk in rows.values_list("profile_id", flat=True)}
    return batches(sorted(ids), _BATCH)


def _seal_locks(trait: str, profile_ids: Sequence[int]) -> None:
    locks = TraitLock.objects.filter(profile__in=profile_ids, key=trait, sealed=None)
    # As text, since the ORM reads numbers as floats.
    for lock in locks.annotate(text=Cast("value", TextField())):
        value = exact_json.loads(lock.text or "null")
        sealed = sealed_value(lock.identifier_id, trait, value)
        TraitLock.objects.filter(profile=lock.profile_id, pk=lock.pk).update(
            value=None, sealed=sealed
        )


def _open_locks(trait: str, profile_ids: Sequence[int]) -> None:
    locks = TraitLock.objects.filter(profile__in=profile_ids, key=trait, sealed__isnull=False)
    for lock in locks:
        for value in opened(lock.identifier_id, trait, lock.sealed or b""):
            TraitLock.objects.filter(profile=lock.profile_id, pk=lock.pk).update(
                value=exact_json.with_floats(value), sealed=None
            )
