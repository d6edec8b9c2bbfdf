"""Rectifications: corrections of traits that stand whatever sources send later (GDPR art. 16)."""

from collections.abc import Collection, Mapping
from typing import Any

from profiles.audit import Actor, audited
from profiles.corrections.judgement import attach_contacts, checked_corrections
from profiles.lib.change_queue import mark_changed
from profiles.lib.database import database_now
from profiles.lib.people_lock import people_lock
from profiles.models import Identifier, Profile, TraitLock
from profiles.traits.records import all_traits_of, recompute_golden
from profiles.traits.special import sealed_value, special_among


def rectify(
    profile_id: int, changes: Mapping[str, Any], *, actor: Actor, reason: str
) -> dict[str, Any]:
    """Lock each trait at its corrected value and return all traits.

    A value of None keeps the trait empty. An e-mail address or telephone number becomes an
    identifier of the profile. Raises Profile.DoesNotExist, InvalidCorrection and ContactNotFree.
    """
    changes = checked_corrections(changes)
    with audited(actor, "profile.rectified", reason=reason) as deed:
        people_lock()
        now = database_now()
        profile = Profile.objects.get(pk=profile_id)
        attach_contacts(profile, changes, actor=actor)
        # The lock hangs on the public UUID, so that an unmerge returns it to this profile.
        identifier = Identifier.objects.get(namespace="profile", value=str(profile.uuid))
        special = special_among(changes)
        for key, value in changes.items():
            is_special = key in special
            # A merge can leave a profile with several locks on one trait: replace them all.
            TraitLock.objects.filter(profile=profile, key=key).delete()
            TraitLock.objects.create(
                identifier=identifier,
                profile=profile,
                key=key,
                value=None if is_special else value,
                sealed=sealed_value(identifier.pk, key, value) if is_special else None,
                actor=str(actor),
                reason=reason,
                locked_at=now,
            )
        deed.about_person(profile, traits=sorted(changes))
        return _folded_traits(profile)


def unlock(
    profile_id: int, traits: Collection[str], *, actor: Actor, reason: str
) -> dict[str, Any]:
    """Take corrections back, so that sources decide again, and return all traits.

    Traits without a correction stay as they are. Raises Profile.DoesNotExist.
    """
    with audited(actor, "profile.unlocked", reason=reason) as deed:
        people_lock()
        profile = Profile.objects.get(pk=profile_id)
        locks = TraitLock.objects.filter(profile=profile, key__in=traits)
        unlocked = sorted(set(locks.values_list("key", flat=True)))
        locks.delete()
        if unlocked:
            deed.about_person(profile, traits=unlocked)
        return _folded_traits(profile)


def _folded_traits(profile: Profile) -> dict[str, Any]:
    recompute_golden([profile.pk])
    mark_changed([profile.pk])
    return all_traits_of(profile.pk)
