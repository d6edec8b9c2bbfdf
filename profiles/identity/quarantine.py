"""Quarantined identifiers: ending a quarantine, and settling those from before they were set apart.

Invariant: facts after the release may use the identifier again; what those before did stands, so
that a replay gives the same people.
"""

from collections import Counter

from django.db.models import Max

from profiles.audit import Actor, audited
from profiles.identity.engine import PROFILE
from profiles.identity.resettle import resettle
from profiles.lib.database import database_now
from profiles.lib.people_lock import people_lock
from profiles.models import Identifier, IdentityFact


def release_quarantine(identifier: Identifier, *, actor: Actor, reason: str = "") -> bool:
    """Release an identifier, and forget who wanted it before. Returns whether it was quarantined.

    It stays on the profile of its own until a fact joins it to another.
    """
    with audited(actor, "quarantine.released", reason=reason) as deed:
        # First: the drain must not judge facts by the former state and store them after this.
        people_lock()
        last_seq = IdentityFact.objects.aggregate(last=Max("seq"))["last"] or 0
        quarantined = Identifier.objects.filter(pk=identifier.pk, quarantined_at__isnull=False)
        is_released = bool(quarantined.update(quarantined_at=None, released_seq=last_seq))
        if is_released:
            deed.about("quarantine", identifier.pk, namespace=[identifier.namespace, None])
            deed.naming(identifier.pk)
    return is_released


def settle_quarantines(*, actor: Actor) -> int:
    """Give each quarantined identifier that still shares a profile one of its own.

    Returns how many moved. They were quarantined by an older version; run again, it finds none.
    """
    with audited(actor, "quarantine.settled") as deed:
        people_lock()
        before = _sharing()
        resettle(set(before.values()), now=database_now())
        moved = len(before) - len(before.keys() & _sharing().keys())
        if moved:
            deed.about("quarantine", "all", moved=[None, moved])
    return moved


def _sharing() -> dict[int, int]:
    """Return the profile of each quarantined identifier that shares it, its public UUID apart."""
    quarantined = Identifier.objects.filter(quarantined_at__isnull=False, profile__isnull=False)
    profiles = dict(quarantined.values_list("pk", "profile_id"))
    # Two queries: on a cluster, identifiers of one profile lie on many machines.
    identifiers = Identifier.objects.filter(profile__in=set(profiles.values()))
    counts = Counter(identifiers.exclude(namespace=PROFILE).values_list("profile_id", flat=True))
    return {pk: profile_id for pk, profile_id in profiles.items() if counts[profile_id] > 1}
