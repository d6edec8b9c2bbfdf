"""Quarantined identifiers: ending a quarantine, and settling those from before they were set apart.

Invariant: facts after the release may use the identifier again; what those before did stands, so
that a replay gives the same people.
"""

from django.db.models import Exists, Max, OuterRef, QuerySet

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
    return is_released


def settle_quarantines(*, actor: Actor) -> int:
    """Give each quarantined identifier that still shares a profile one of its own.

    Returns how many moved. They were quarantined by an older version; run again, it finds none.
    """
    with audited(actor, "quarantine.settled") as deed:
        people_lock()
        before = set(_sharing().values_list("pk", "profile_id"))
        resettle({pk for _, pk in before if pk is not None}, now=database_now())
        moved = len(before) - _sharing().filter(pk__in=[pk for pk, _ in before]).count()
        if moved:
            deed.about("quarantine", "all", moved=[None, moved])
    return moved


def _sharing() -> QuerySet[Identifier]:
    """Return the quarantined identifiers whose profile has others beside its public UUID."""
    others = Identifier.objects.filter(profile=OuterRef("profile")).exclude(pk=OuterRef("pk"))
    return Identifier.objects.filter(
        Exists(others.exclude(namespace=PROFILE)), quarantined_at__isnull=False
    )
