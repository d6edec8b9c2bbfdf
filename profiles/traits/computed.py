"""Storing the values of computed traits. How they are computed is not known here.

Invariant: values and the golden traits that show them change together, under the people lock.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import connection

from profiles.lib import exact_json
from profiles.lib.database import array_of
from profiles.lib.people_lock import people_lock
from profiles.models import TraitDefinition
from profiles.traits import sql
from profiles.traits.records import recompute_golden

# Of a profile the values of computed traits, by the ids of their definitions.
ComputedValues = Mapping[int, Any]


def read_computed(profile_ids: Iterable[int]) -> dict[int, dict[int, Any]]:
    """Return the stored values of these profiles, by the ids of profile and definition."""
    with connection.cursor() as cursor:
        cursor.execute(sql.COMPUTED_OF_PROFILES, [array_of(profile_ids)])
        values: dict[int, dict[int, Any]] = {}
        for profile_id, trait_id, value in cursor.fetchall():
            values.setdefault(profile_id, {})[trait_id] = exact_json.loads(value)
    return values


def store_computed(computed: Mapping[int, ComputedValues]) -> set[int]:
    """Store the values of profiles where they differ, and return whose golden traits changed.

    None stands for no value; a trait that is not in the mapping of a profile keeps what it has. The
    people lock is taken only where something differs.
    """
    stored = read_computed(computed)
    differing = [
        (profile_id, trait_id, value)
        for profile_id, values in computed.items()
        for trait_id, value in values.items()
        if value != stored.get(profile_id, {}).get(trait_id)
    ]
    if not differing:
        return set()
    people_lock()
    # Sorted, so that upserts of two transactions cannot deadlock.
    kept = sorted((row for row in differing if row[2] is not None), key=lambda row: row[:2])
    gone = sorted(row[:2] for row in differing if row[2] is None)
    with connection.cursor() as cursor:
        if kept:
            profiles, traits, values = zip(*kept, strict=True)
            texts = [exact_json.dumps_sorted(value) for value in values]
            cursor.execute(sql.SET_COMPUTED, [array_of(profiles), array_of(traits), texts])
        if gone:
            columns = [array_of(column) for column in zip(*gone, strict=True)]
            cursor.execute(sql.DELETE_COMPUTED, columns)
    return recompute_golden(profile_id for profile_id, *_ in differing)


def mark_computed(definition: TraitDefinition, *, is_computed: bool) -> None:
    """Say that a trait is computed from now on, or that sources decide about it again.

    The caller's transaction holds the people lock from here on, so that no change is queued
    meanwhile by whoever does not know it.
    """
    people_lock()
    definition.is_computed = is_computed
    definition.save()
