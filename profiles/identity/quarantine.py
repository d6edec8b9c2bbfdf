"""Ending a quarantine: staff found that an identifier names one person after all.

Invariant: facts after the release may use the identifier again; what those before did stands, so
that a replay gives the same people.
"""

from django.db.models import Max

from profiles.audit import Actor, audited
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
    return is_released
