"""Saving trait definitions.

Invariant: golden traits follow a new policy, and values a new category, in the transaction that
sets it.
"""

from collections.abc import Iterable, Iterator, Sequence

from django.db import transaction

from profiles.audit import Actor, save_audited
from profiles.lib.batches import batches
from profiles.lib.change_queue import mark_changed
from profiles.lib.people_lock import people_lock
from profiles.models import SourceRecord, TraitDefinition
from profiles.traits.origins import ORIGINS
from profiles.traits.recategorising import put_back, set_apart
from profiles.traits.records import recompute_golden
from profiles.traits.sensitivity import plain_key
from profiles.traits.special import special_among

_BATCH = 5_000


def save_trait_definition(definition: TraitDefinition, *, actor: Actor) -> None:
    """Save a trait's definition and, if its policy changed, choose its golden values again.

    Values of a trait that became special are set apart and encrypted; those of one that is so no
    longer come back. Raises ValidationError.
    """
    with transaction.atomic():
        # Before the stored policy is read: the drain must not fold traits by the old one meanwhile.
        people_lock()
        stored = TraitDefinition.objects.filter(pk=definition.pk).values_list("policy", flat=True)
        former_policy = stored.first() or TraitDefinition.Policy.MOST_TRUSTED
        spellings = _spellings_of(definition.key)
        formerly_special = special_among(spellings)
        save_audited(definition, actor=actor, noun="trait_definition", key=definition.key)
        if former_policy != definition.policy:
            for profile_ids in _profiles_with_trait(definition.key):
                mark_changed(recompute_golden(profile_ids))
        special = special_among(spellings)
        for key in sorted(special - formerly_special):
            set_apart(key)
        for key in sorted(formerly_special - special):
            put_back(key)


def _spellings_of(key: str) -> set[str]:
    """Return all traits that share their category with this one: `firstName` and `first_name`."""
    keys = TraitDefinition.objects.values_list("key", flat=True)
    return {key, *(other for other in keys if plain_key(other) == plain_key(key))}


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
