"""Rectifications: corrections of traits that stand whatever sources send later (GDPR art. 16)."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from profiles.lib.change_queue import mark_changed, nudge
from profiles.lib.database import database_now
from profiles.lib.people_lock import people_lock
from profiles.models import Identifier, Profile, TraitLock
from profiles.traits.records import recompute_golden


@transaction.atomic
def rectify(
    profile_id: int, changes: Mapping[str, Any], *, actor: str, reason: str
) -> dict[str, Any]:
    """Lock each trait at its corrected value and return the golden traits.

    A value of None keeps the trait empty. Raises Profile.DoesNotExist.
    """
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
            actor=actor,
            reason=reason,
            locked_at=now,
        )
    recompute_golden([profile_id])
    mark_changed([profile_id])
    nudge("segments.refresh_changed")
    profile.refresh_from_db(fields=["traits"])
    traits: dict[str, Any] = profile.traits
    return traits
