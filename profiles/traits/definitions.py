"""What may be changed of a trait's definition, and what follows from it.

Invariant: golden traits follow a new policy in the transaction that sets it.
"""

from collections.abc import Iterator

from django.db import transaction

from profiles.lib.change_queue import mark_changed, nudge
from profiles.lib.people_lock import people_lock
from profiles.models import SourceRecord, TraitDefinition
from profiles.traits.records import recompute_golden

_BATCH = 5_000


@transaction.atomic
def save_definition(definition: TraitDefinition) -> None:
    """Save a trait's definition; where its policy is a new one, the golden values of the trait are chosen again.

    Raises ValidationError.
    """
    people_lock()
    stored = TraitDefinition.objects.filter(pk=definition.pk).values_list("policy", flat=True)
    before = stored.first() or TraitDefinition.Policy.MOST_TRUSTED
    definition.full_clean()
    definition.save()
    if before != definition.policy:
        for profile_ids in _told(definition.key):
            mark_changed(recompute_golden(profile_ids))
        nudge("segments.refresh_changed")


def _told(key: str) -> Iterator[list[int]]:
    """The profiles of whom any source ever told the trait, in batches."""
    records = SourceRecord.objects.filter(traits__has_key=key)
    ids = sorted(set(records.values_list("profile_id", flat=True)))
    for place in range(0, len(ids), _BATCH):
        yield ids[place : place + _BATCH]
