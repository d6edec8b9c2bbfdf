"""Saving trait definitions.

Invariant: golden traits follow a new policy in the transaction that sets it.
"""

from collections.abc import Iterable, Iterator, Sequence

from django.db import transaction

from profiles.audit import Actor, save_audited
from profiles.lib.batches import batches
from profiles.lib.change_queue import mark_changed
from profiles.lib.people_lock import people_lock
from profiles.models import SourceRecord, TraitDefinition
from profiles.traits.origins import ORIGINS
from profiles.traits.records import recompute_golden

_BATCH = 5_000


def save_trait_definition(definition: TraitDefinition, *, actor: Actor) -> None:
    """Save a trait's definition and, if its policy changed, choose its golden values again.

    Raises ValidationError.
    """
    with transaction.atomic():
        # Before the stored policy is read: the drain must not fold traits by the old one meanwhile.
        people_lock()
        stored = TraitDefinition.objects.filter(pk=definition.pk).values_list("policy", flat=True)
        former_policy = stored.first() or TraitDefinition.Policy.MOST_TRUSTED
        save_audited(definition, actor=actor, noun="trait_definition", key=definition.key)
        if former_policy != definition.policy:
            for profile_ids in _profiles_with_trait(definition.key):
                mark_changed(recompute_golden(profile_ids))


def trait_origins(keys: Iterable[str]) -> dict[str, str]:
    """Return whose word each trait is; of one that was never met, as far as its name tells."""
    wanted = list(keys)
    defined = TraitDefinition.objects.filter(key__in=wanted).values_list("key", "origin")
    unreviewed = TraitDefinition.Origin.UNREVIEWED
    return {key: ORIGINS.get(key, unreviewed) for key in wanted} | dict(defined)


def _profiles_with_trait(key: str) -> Iterator[Sequence[int]]:
    """Return the profiles for which any source ever stated the trait, in batches."""
    records = SourceRecord.objects.filter(traits__has_key=key)
    ids = sorted(set(records.values_list("profile_id", flat=True)))
    return batches(ids, _BATCH)
