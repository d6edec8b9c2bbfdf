"""Noting that mail came back from an address, and which addresses get none.

Invariant: no address is stored here, only its keyed hash. Repeats change nothing, and what came
back before staff lifted a block says nothing.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import transaction

from consent.lib.digests import keyed_digest
from consent.models import BouncedAddress
from profiles.identifiers.lookup import parse_reference
from profiles.identifiers.normalisers import InvalidIdentifier
from profiles.lib.database import database_now
from profiles.services import Actor, audited

Kind = BouncedAddress.Kind
# On so many days mail came back for now only, and never so long apart: nobody reads it there.
MOST_SOFT_DAYS = 5
LONGEST_APART = timedelta(days=30)


class Bounce(NamedTuple):
    """An address as somebody has it, and that mail came back from it."""

    address: str
    row: BouncedAddress


def note_bounce(address: str, *, is_hard: bool, at: datetime) -> None:
    """Note that mail came back; hard means for good. What is no address is passed over."""
    digest = _digest_of(address)
    if digest is None:
        return
    with transaction.atomic():
        row, _ = BouncedAddress.objects.get_or_create(
            digest=digest, defaults={"kind": Kind.SOFT, "last_at": at}
        )
        row = BouncedAddress.objects.select_for_update().get(pk=row.pk)
        if row.lifted_at is not None and at <= row.lifted_at:
            return
        _count(row, is_hard=is_hard, at=at)
        row.save()


def _count(row: BouncedAddress, *, is_hard: bool, at: datetime) -> None:
    if is_hard:
        row.kind = Kind.HARD
    elif at - row.last_at > LONGEST_APART:
        # What came back long ago says nothing of today.
        row.soft_days = 1
    elif row.soft_days == 0 or at.date() > row.last_at.date():
        # Once a day: what waits is tried many times.
        row.soft_days += 1
    row.last_at = max(row.last_at, at)
    if row.blocked_at is None and (is_hard or row.soft_days >= MOST_SOFT_DAYS):
        row.blocked_at = at


def is_blocked(address: str) -> bool:
    """Whether mail came back from an address in a way that no more is sent to it."""
    digest = _digest_of(address)
    rows = BouncedAddress.objects.filter(digest=digest, blocked_at__isnull=False)
    return digest is not None and rows.exists()


def bounces_of(addresses: Iterable[str]) -> list[Bounce]:
    """Return which of the addresses mail came back from."""
    by_digest = {
        digest: address for address in addresses if (digest := _digest_of(address)) is not None
    }
    rows = BouncedAddress.objects.filter(digest__in=list(by_digest))
    return [Bounce(by_digest[bytes(row.digest)], row) for row in rows.order_by("pk")]


def lift_block(row: BouncedAddress, *, reason: str, actor: Actor) -> None:
    """Let mail go to an address again, which staff know is read."""
    with audited(actor, "bounced_address.lifted", reason=reason) as deed:
        row = BouncedAddress.objects.select_for_update().get(pk=row.pk)
        if row.blocked_at is not None:
            row.blocked_at, row.soft_days, row.lifted_at = None, 0, database_now()
            row.kind = Kind.SOFT
            row.save()
            deed.about("bounced_address", row.pk, is_blocked=[True, False])


def forget_addresses(addresses: Collection[str]) -> int:
    """Delete what is known of addresses; return how many there were."""
    digests = [digest for address in addresses if (digest := _digest_of(address)) is not None]
    return BouncedAddress.objects.filter(digest__in=digests).delete()[0]


def _digest_of(address: str) -> bytes | None:
    try:
        value = parse_reference(f"email:{address}").value
    except InvalidIdentifier:
        return None
    return keyed_digest(settings.DEDUPLICATION_KEY, "bounced address", value)
