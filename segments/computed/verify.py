"""Verifying computed traits: comparing the stored values with those that events give now.

Invariant: it only reads. Whoever waits in the queue, or for a definition to reach them, is not
counted as drift.
"""

from django.db import transaction

from profiles.lib.batches import batches
from profiles.lib.database import consistent_snapshot
from profiles.models import Profile, ProfileChange
from profiles.services import read_computed
from segments.computed.settle import computation_of
from segments.computed.values import compute_values
from segments.models import ComputedTrait

BATCH = 2_000


def verify_computed() -> dict[str, int | None]:
    """Return, by trait, of how many profiles the value is wrong; None for one that is set apart."""
    with transaction.atomic(), consistent_snapshot():
        rows = list(ComputedTrait.objects.select_related("trait"))
        drift: dict[str, int | None] = {row.trait.key: None if row.failed_at else 0 for row in rows}
        settled = [row for row in rows if not row.failed_at and row.woken_to is None]
        computations = [computation_of(row) for row in settled if not row.is_ending]
        keys = {row.trait_id: row.trait.key for row in rows}
        for profile_ids in batches(_settled_people(), BATCH) if computations else ():
            stored = read_computed(profile_ids)
            for profile_id, values in compute_values(computations, profile_ids).items():
                for trait_id, value in values.items():
                    if value != stored.get(profile_id, {}).get(trait_id):
                        drift[keys[trait_id]] = (drift[keys[trait_id]] or 0) + 1
        return drift


def _settled_people() -> list[int]:
    waiting = ProfileChange.objects.values("profile_id")
    people = Profile.objects.exclude(pk__in=waiting).order_by("pk")
    return list(people.values_list("pk", flat=True))
