"""Mailed links, by which customers prove their e-mail address.

Invariant: a known and an unknown address are treated alike until the caller has its answer. A
token exists only in the mail and with the customer. A link opens one session.
"""

import logging
import secrets
from datetime import timedelta
from smtplib import SMTPException

from django.conf import settings
from django.db import connection, transaction
from django.utils import translation

from consent.customers.mail import mail_language, mail_link
from consent.lib import sql
from consent.lib.digests import keyed_digest
from consent.models import MailedLink
from profiles.identifiers.normalisers import InvalidIdentifier, normalise
from profiles.lib.change_queue import nudge
from profiles.lib.credentials import digest_of
from profiles.lib.database import database_now
from profiles.models import Identifier

logger = logging.getLogger(__name__)
LINKS_AN_HOUR = 3
# "LINK" in ASCII. Any constant that no other two-number lock of the database starts with will do.
_ADDRESS_LOCKS = 0x4C_49_4E_4B


@transaction.atomic
def request_link(email: str, *, language: str = "") -> None:
    """Queue a link for an address, unless it had `LINKS_AN_HOUR` within the last hour.

    The mail is in the language, and in the default one where there is none in that.

    A link to an unknown address is queued too, but never sent, so that callers cannot find out
    who is a customer.
    """
    address = _normalise_address(email)
    digest = address_digest(address)
    lock_address(digest)
    now = database_now()
    identifiers = Identifier.objects.filter(namespace="email", value=address, profile__isnull=False)
    identifier_id = identifiers.values_list("pk", flat=True).first()
    recent_links = MailedLink.objects.filter(
        address_digest=digest, created_at__gt=now - timedelta(hours=1)
    )
    if recent_links.count() < LINKS_AN_HOUR:
        MailedLink.objects.create(
            # A placeholder for the unique column: the token is made when the link is sent.
            token_digest=digest_of(secrets.token_urlsafe(32)),
            address_digest=digest,
            identifier_id=identifier_id,
            created_at=now,
            expires_at=now + timedelta(minutes=settings.PRIVACY_LINK_MINUTES),
            language=mail_language(language),
        )
    nudge("consent.send_links")


def send_links() -> int:
    """Mail all queued links and return how many were due.

    A link is marked as sent in the transaction that sends it. After a kill in between it is sent
    again with another token, and only the newer one works.
    """
    queued = MailedLink.objects.filter(sent_at=None, expires_at__gt=database_now())
    return sum(_try_to_send(pk) for pk in list(queued.values_list("pk", flat=True)))


def address_digest(address: str) -> str:
    """Return the keyed hash by which links to an address are counted."""
    return keyed_digest(settings.DEDUPLICATION_KEY, "address", address).hex()


def _normalise_address(email: str) -> str:
    try:
        return normalise("email", email)
    except InvalidIdentifier:
        # No identifier has this value. It is treated like any unknown address.
        return email.strip().lower()


def lock_address(digest: str) -> None:
    """Wait for others who count the mails to the same address."""
    number = int.from_bytes(bytes.fromhex(digest[:8]), signed=True)
    with connection.cursor() as cursor:
        cursor.execute(sql.LOCK_PAIR, [_ADDRESS_LOCKS, number])


def _try_to_send(link_id: int) -> int:
    try:
        return _send(link_id)
    except (OSError, SMTPException) as error:
        # The next run tries again until the link expires. Only the type is logged, since the text
        # may contain the address.
        logger.error("Link %s could not be mailed: %s.", link_id, type(error).__name__)
        return 0


@transaction.atomic
def _send(link_id: int) -> int:
    link = (
        MailedLink.objects.select_for_update(skip_locked=True)
        .filter(pk=link_id, sent_at=None)
        .first()
    )
    # Another worker is sending it or has sent it.
    if link is None:
        return 0
    token = secrets.token_urlsafe(32)
    link.token_digest = digest_of(token)
    link.sent_at = database_now()
    link.expires_at = link.sent_at + timedelta(minutes=settings.PRIVACY_LINK_MINUTES)
    link.save(update_fields=["token_digest", "sent_at", "expires_at"])
    address = _current_address(link)
    if address is not None:
        with translation.override(link.language or settings.LANGUAGE_CODE):
            mail_link(address, token, expires_at=link.expires_at)
    return 1


def _current_address(link: MailedLink) -> str | None:
    """Return the address of a link; None if it was unknown, or erased since then."""
    if link.identifier_id is None:
        return None
    identifiers = Identifier.objects.filter(pk=link.identifier_id)
    return identifiers.values_list("value", flat=True).first()
