"""Deciding that two identifiers are not one person's, whatever facts say."""

from profiles.audit import Actor, audited
from profiles.identity.resettle import resettle
from profiles.lib.database import database_now
from profiles.lib.people_lock import people_lock
from profiles.models import Identifier, IdentityDecision


def keep_apart(one: Identifier, other: Identifier, *, actor: Actor, reason: str) -> None:
    """Part two identifiers of one profile for good; the later one gets a profile of its own."""
    with audited(actor, "decision.made", reason=reason) as deed:
        people_lock()
        first, second = sorted((one, other), key=lambda identifier: identifier.pk)
        decision, _ = IdentityDecision.objects.get_or_create(
            one=first, other=second, defaults={"reason": reason}
        )
        profile_ids = {one.profile_id, other.profile_id} - {None}
        resettle([pk for pk in profile_ids if pk is not None], now=database_now())
        deed.about("decision", decision.pk, kind=[None, decision.kind])
