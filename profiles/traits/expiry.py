"""Taking traits that have outlived their time out of source records, special ones and corrections.

Invariant: the caller says which go; the golden traits are the caller's to fold again.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from profiles.lib.calendar import time_of
from profiles.models import SpecialTrait, TraitLock
from profiles.traits import sql
from profiles.traits.records import load_records
from profiles.traits.sensitivity import Category, load_categories
from profiles.traits.statements import RecordKey

# Whether a trait of a category and a time goes from a profile.
Goes = Callable[[int, Category, datetime], bool]


class ExpiredTraits(NamedTuple):
    """What goes: keys of traits by record, and ids of the others. Counts are by unit."""

    keys: dict[RecordKey, list[str]]
    special_ids: list[int]
    lock_ids: list[int]
    counts: Counter[tuple[int, Category]]


def find_expired_traits(profile_ids: Sequence[int], goes: Goes) -> ExpiredTraits:
    """Return what of these profiles' records and corrections has outlived its time."""
    found = ExpiredTraits(defaultdict(list), [], [], Counter())
    categories = load_categories()
    for key, trait, at in _entries(profile_ids):
        category = categories.of(trait)
        if goes(key.profile_id, category, at):
            found.keys[key].append(trait)
            found.counts[key.profile_id, category] += 1
    special = SpecialTrait.objects.filter(profile_id__in=profile_ids)
    for pk, profile_id, trait, micros in special.values_list("pk", "profile_id", "key", "at"):
        category = categories.of(trait)
        if goes(profile_id, category, time_of(micros)):
            found.special_ids.append(pk)
            found.counts[profile_id, category] += 1
    locks = TraitLock.objects.filter(profile_id__in=profile_ids)
    for pk, profile_id, trait, at in locks.values_list("pk", "profile_id", "key", "locked_at"):
        category = categories.of(trait)
        if goes(profile_id, category, at):
            found.lock_ids.append(pk)
            found.counts[profile_id, category] += 1
    return found


def delete_expired_traits(expired: ExpiredTraits) -> None:
    """Take them out. The caller holds the people lock since they were found."""
    with connection.cursor() as cursor:
        for key, traits in expired.keys.items():
            cursor.execute(sql.DROP_TRAITS, [traits, *key])
    SpecialTrait.objects.filter(pk__in=expired.special_ids).delete()
    TraitLock.objects.filter(pk__in=expired.lock_ids).delete()


def _entries(profile_ids: Sequence[int]) -> Iterator[tuple[RecordKey, str, datetime]]:
    records: dict[RecordKey, dict[str, Any]] = load_records(profile_ids).records
    for key, record in records.items():
        for trait, (_, at, *_arrival) in record.items():
            yield key, trait, time_of(at)
