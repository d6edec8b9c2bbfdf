"""The mailed link by which a customer proves his address, and the short session that it opens.

Invariant: a known and an unknown address take the same way to the answer; a token exists only in the mail and in the customer's
hands; a link opens one session.
"""

import logging
import secrets
from datetime import timedelta
from smtplib import SMTPException

from django.conf import settings
from django.db import connection, transaction

from consent.customers import sql
from consent.customers.mail import mail_link
from consent.lib.digests import keyed_digest
from consent.models import MailedLink
from profiles.identifiers.normalisers import InvalidIdentifier, normalise
from profiles.lib.change_queue import nudge
from profiles.lib.credentials import digest_of
from profiles.lib.database import database_now
from profiles.models import Identifier

logger = logging.getLogger(__name__)
LINKS_AN_HOUR = 3
# Any constant will do, as long as no other lock of two numbers in the database has it first.
_ADDRESS_LOCKS = 0x4C_49_4E_4B


@transaction.atomic
def request_link(email: str) -> None:
    """Have a link mailed, if the address is known and was not written to too often; the caller cannot tell."""
    address = _normalised(email)
    digest = address_digest(address)
    _lock_address(digest)
    now = database_now()
    holder = Identifier.objects.filter(namespace="email", value=address, profile__isnull=False)
    identifier_id = holder.values_list("pk", flat=True).first()
    lately = MailedLink.objects.filter(
        address_digest=digest, created_at__gt=now - timedelta(hours=1)
    )
    if lately.count() < LINKS_AN_HOUR:
        MailedLink.objects.create(
            token_digest=digest_of(secrets.token_urlsafe(32)),
            address_digest=digest,
            identifier_id=identifier_id,
            created_at=now,
            expires_at=now + timedelta(minutes=settings.PRIVACY_LINK_MINUTES),
        )
    nudge("consent.send_links")


def send_links() -> int:
    """Mail the links that wait; return how many were due. The token is made here, and only its digest is kept.

    A link is marked as sent in the transaction that sends it: after a kill it is sent again, and the newer one works.
    """
    waiting = MailedLink.objects.filter(sent_at=None, expires_at__gt=database_now())
    return sum(_try(pk) for pk in list(waiting.values_list("pk", flat=True)))


def address_digest(address: str) -> str:
    """What is kept of an address, to count how often it was written to."""
    return keyed_digest(settings.DEDUPLICATION_KEY, "address", address).hex()


def _normalised(email: str) -> str:
    try:
        return normalise("email", email)
    except InvalidIdentifier:
        # Nobody has such an address, but it takes the same way.
        return email.strip().lower()


def _lock_address(digest: str) -> None:
    number = int.from_bytes(bytes.fromhex(digest[:8]), signed=True)
    with connection.cursor() as cursor:
        cursor.execute(sql.LOCK_ADDRESS, [_ADDRESS_LOCKS, number])


def _try(link_id: int) -> int:
    try:
        return _send(link_id)
    except (OSError, SMTPException) as error:
        # Tried again while the link's time lasts. Only the kind of fault: its text names the address.
        logger.error("Link %s could not be mailed: %s.", link_id, type(error).__name__)
        return 0


@transaction.atomic
def _send(link_id: int) -> int:
    link = (
        MailedLink.objects.select_for_update(skip_locked=True)
        .filter(pk=link_id, sent_at=None)
        .first()
    )
    if link is None:
        return 0
    token = secrets.token_urlsafe(32)
    link.token_digest = digest_of(token)
    link.sent_at = database_now()
    link.expires_at = link.sent_at + timedelta(minutes=settings.PRIVACY_LINK_MINUTES)
    link.save(update_fields=["token_digest", "sent_at", "expires_at"])
    address = Identifier.objects.filter(pk=link.identifier_id).values_list("value", flat=True)
    if address:
        mail_link(address[0], token)
    return 1
