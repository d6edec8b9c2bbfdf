"""Whether two actors are one person, and whether one may act still."""

from django.contrib.auth.models import User
from django.utils import timezone

from profiles.audit import Actor
from profiles.models import ActorKind, ApiKey


class SamePerson(Exception):
    """Nobody approves what they asked for themselves, by a second account neither."""


def are_one_person(first: Actor, second: Actor) -> bool:
    """Whether two actors are one account, or accounts with the same e-mail address."""
    if first == second:
        return True
    addresses = [_mailbox(actor) for actor in (first, second)]
    return bool(addresses[0]) and addresses[0] == addresses[1]


def may_act_still(who: Actor) -> bool:
    """Whether the account of staff is active, or the API key neither revoked nor expired.

    Customers and programs have neither.
    """
    if who.kind not in (ActorKind.STAFF, ActorKind.SERVICE):
        return True
    if not who.id.isdecimal():
        return False
    if who.kind == ActorKind.STAFF:
        return User.objects.filter(pk=who.id, is_active=True).exists()
    keys = ApiKey.objects.filter(pk=who.id, revoked_at=None)
    return keys.exclude(expires_at__lte=timezone.now()).exists()


def _mailbox(actor: Actor) -> str:
    """Return the address of an account, without what may stand behind a plus sign."""
    if actor.kind != ActorKind.STAFF or not actor.id.isdecimal():
        return ""
    address = User.objects.filter(pk=actor.id).values_list("email", flat=True).first() or ""
    name, at, host = address.strip().casefold().rpartition("@")
    return f"{name.partition('+')[0]}{at}{host}"
