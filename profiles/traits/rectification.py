"""Corrections of traits that stand whatever sources send later (article 16 GDPR)."""

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
    """Correct traits so that they stay corrected: each value is locked, and null keeps the trait empty.

    Returns the golden traits. Raises Profile.DoesNotExist.
    """
    people_lock()
    now = database_now()
    profile = Profile.objects.get(pk=profile_id)
    identifier = Identifier.objects.get(namespace="profile", value=str(profile.uuid))
    for key, value in changes.items():
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
