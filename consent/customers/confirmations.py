"""Mails that ask somebody to confirm what was asked for with their address.

Invariant: nothing here asks who is known or suppressed, so that what is told and how long it takes
is the same for every address. The address itself is in the row, sealed, until the mail is sent, and
afterwards only in the link.
"""

import logging
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Collection
from datetime import datetime, timedelta
from smtplib import SMTPException
from typing import Any
from urllib.parse import urlencode

from django.db import transaction
from django.db.models import F
from django.utils import translation

from consent.customers.links import address_digest, lock_address
from consent.customers.mail import send
from consent.lib.sealing import seal, unseal
from consent.models import Confirmation, Purpose, PurposeVersion
from profiles.lib.change_queue import nudge
from profiles.lib.credentials import digest_of
from profiles.lib.database import database_now
from profiles.services import Actor

logger = logging.getLogger(__name__)
Kind = Confirmation.Kind
# How long a link works, from when it is mailed.
HOURS = {Kind.OPT_IN: 48, Kind.GUARDIAN: 48, Kind.NEW_ADDRESS: 48, Kind.UNDO: 72}
# How long an address waits for a mail server.
_UNSENT = timedelta(minutes=15)
_ONE_MAIL = timedelta(days=1)
PAGES = {
    Kind.OPT_IN: "opt-in",
    Kind.GUARDIAN: "guardian",
    Kind.NEW_ADDRESS: "new-address",
    Kind.UNDO: "undo",
}


def queue_confirmation(
    kind: Confirmation.Kind, address: str, *, language: str, actor: Actor, **fields: Any
) -> None:
    """Queue a mail to a normalised address, unless it had one of the kind within a day.

    Whoever may undo is told each time. In the caller's transaction. `fields` are further columns of
    the confirmation.
    """
    digest, now = address_digest(address), database_now()
    lock_address(digest)
    recent = Confirmation.objects.filter(
        kind=kind, address_digest=digest, created_at__gt=now - _ONE_MAIL
    )
    if kind == Kind.UNDO or not recent.exists():
        Confirmation.objects.create(
            kind=kind,
            token_digest=digest_of(secrets.token_urlsafe(32)),
            address_digest=digest,
            sealed_address=seal(address),
            language=language,
            requested_by=str(actor),
            created_at=now,
            expires_at=now + _UNSENT,
            **fields,
        )
    nudge("consent.send_links")


def send_confirmations() -> int:
    """Mail all queued confirmations and return how many were sent."""
    queued = Confirmation.objects.filter(sent_at=None)
    return sum(_try_to_send(pk) for pk in list(queued.values_list("pk", flat=True)))


def remove_expired_confirmations(now: datetime) -> int:
    """Delete links that have ended, once they no longer count; return how many."""
    ended = Confirmation.objects.filter(expires_at__lte=now)
    unsent = ended.filter(sent_at=None).delete()[0]
    return unsent + ended.filter(created_at__lte=now - _ONE_MAIL).delete()[0]


def take_confirmation(code: str) -> tuple[Confirmation, str] | None:
    """Use a mailed code up; return its confirmation and the address that it was mailed to.

    None if it is unknown, was used, or has ended. In the caller's transaction.
    """
    token, _, sealed = code.strip().rpartition("#")[2].partition(".")
    address = _opened(sealed)
    if address is None:
        return None
    now = database_now()
    confirmations = Confirmation.objects.filter(token_digest=digest_of(token))
    # One conditional update: two callers cannot both use it.
    used = confirmations.filter(
        address_digest=address_digest(address),
        sent_at__isnull=False,
        used_at=None,
        expires_at__gt=now,
    ).update(used_at=now)
    return (confirmations.get(), address) if used == 1 else None


def _opened(sealed: str) -> str | None:
    try:
        return unseal(urlsafe_b64decode(f"{sealed}{'=' * (-len(sealed) % 4)}"))
    except (NotBase64, ValueError):
        return None


def _try_to_send(confirmation_id: int) -> int:
    try:
        return _send(confirmation_id)
    except (OSError, SMTPException) as error:
        # The next run tries again. Only the type is logged: the text may contain the address.
        name = type(error).__name__
        logger.error("Confirmation %s could not be mailed: %s.", confirmation_id, name)
        return 0


@transaction.atomic
def _send(confirmation_id: int) -> int:
    """Mail one confirmation, in the transaction that marks it as sent and forgets its address."""
    row = (
        Confirmation.objects.select_for_update(skip_locked=True)
        .filter(pk=confirmation_id, sent_at=None, expires_at__gt=database_now())
        .first()
    )
    # Another worker is sending it or has sent it.
    if row is None:
        return 0
    sealed = bytes(row.sealed_address or b"")
    address = unseal(sealed)
    # It was sealed with a key that was changed since.
    if address is None:
        return 0
    kind, token = Kind(row.kind), secrets.token_urlsafe(32)
    code = f"{token}.{urlsafe_b64encode(sealed).decode().rstrip('=')}"
    row.token_digest, row.sent_at, row.sealed_address = digest_of(token), database_now(), None
    row.expires_at = row.sent_at + timedelta(hours=HOURS[kind])
    row.save(update_fields=["token_digest", "sent_at", "sealed_address", "expires_at"])
    keys = Purpose.objects.filter(pk__in=row.purpose_ids).order_by("key")
    query = [("lang", row.language), *(("for", key) for key in keys.values_list("key", flat=True))]
    link = f"/privacy/{PAGES[kind]}/?{urlencode(query)}#{code}"
    words: dict[str, Any] = {"link": link, "hours": HOURS[kind]}
    if kind == Kind.GUARDIAN:
        words["terms"] = _current_terms(row.purpose_ids)
    with translation.override(row.language):
        send(kind, address, expires_at=row.expires_at, **words)
    return 1


def _current_terms(purpose_ids: Collection[int]) -> list[PurposeVersion]:
    """Return what is agreed to, word for word."""
    versions = PurposeVersion.objects.filter(
        purpose__in=purpose_ids, number=F("purpose__current_version")
    )
    return list(versions.order_by("purpose__key"))
