"""Rectifications: corrections of traits that stand whatever sources send later (GDPR art. 16)."""

from collections.abc import Mapping
from typing import Any

from profiles.audit import Actor, audited
from profiles.lib.change_queue import mark_changed
from profiles.lib.database import database_now
from profiles.lib.people_lock import people_lock
from profiles.models import Identifier, Profile, TraitLock
from profiles.traits.records import recompute_golden


def rectify(
    profile_id: int, changes: Mapping[str, Any], *, actor: Actor, reason: str
) -> dict[str, Any]:
    """Lock each trait at its corrected value and return the golden traits.

    A value of None keeps the trait empty. Raises Profile.DoesNotExist.
    """
    with audited(actor, "profile.rectified", reason=reason) as deed:
        people_lock()
        now = database_now()
        profile = Profile.objects.get(pk=profile_id)
        # The lock hangs on the public UUID, so that an unmerge returns it to this profile.
        identifier = Identifier.objects.get(namespace="profile", value=str(profile.uuid))
        for key, value in changes.items():
            # A merge can leave a profile with several locks on one trait: replace them all.
            TraitLock.objects.filter(profile=profile, key=key).delete()
            TraitLock.objects.create(
                identifier=identifier,
                profile=profile,
                key=key,
                value=value,
                actor=str(actor),
                reason=reason,
                locked_at=now,
            )
        deed.about_person(profile, traits=sorted(changes))
        recompute_golden([profile_id])
        mark_changed([profile_id])
        profile.refresh_from_db(fields=["traits"])
    traits: dict[str, Any] = profile.traits
    return traits
