"""The links in mails by which people unsubscribe with one click, without a session (RFC 8058).

A link is made without a row, is the same whenever it is made, and works as long as the person is
known: an old mail must still unsubscribe. It names nobody: what it is about is encrypted with a key
outside the database.
"""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from django.conf import settings

from consent.ledger.events import UnknownPurpose
from consent.ledger.statements import ConsentStatement, UnknownProfile, record_own_statement
from consent.ledger.states import may_process
from consent.models import ConsentKind, LegalBasis, Method, Purpose, State
from profiles.identifiers.lookup import parse_reference, parse_references
from profiles.identifiers.normalisers import InvalidIdentifier
from profiles.lib.database import database_now
from profiles.models import Identifier
from profiles.services import CUSTOMER

# What the one click sends as its form.
ONE_CLICK = "List-Unsubscribe=One-Click"
_LABEL = [b"unsubscribe"]


class Subscription(NamedTuple):
    """What a link ends: the purpose, for whoever has the identifier."""

    identifier_id: int
    purpose: Purpose


def unsubscribe_links(purpose_key: str, references: Sequence[str]) -> list[str | None]:
    """Return the address of a link for each `namespace:value`, None for one that nobody has.

    Raises UnknownPurpose and InvalidIdentifier.
    """
    purpose = Purpose.objects.filter(key=purpose_key).first()
    if purpose is None:
        raise UnknownPurpose(f"No purpose has the key {purpose_key}.")
    refs = parse_references(references)
    rows = Identifier.objects.filter(
        namespace__in={ref.namespace for ref in refs},
        value__in={ref.value for ref in refs},
        profile__isnull=False,
    ).values_list("namespace", "value", "pk")
    known = {(namespace, value): pk for namespace, value, pk in rows}
    site = settings.PUBLIC_URL.rstrip("/")
    return [
        f"{site}/privacy/unsubscribe/{_token(pk, purpose)}/" if pk else None
        for pk in (known.get((ref.namespace, ref.value)) for ref in refs)
    ]


def find_subscription(token: str) -> Subscription | None:
    """Return what a link is about, also if nobody has the identifier any more; None if unknown."""
    try:
        sealed = urlsafe_b64decode(f"{token}{'=' * (-len(token) % 4)}")
        text = _cipher().decrypt(sealed, _LABEL).decode()
    except (InvalidTag, NotBase64, ValueError):
        return None
    identifier_id, _, purpose_id = text.partition(":")
    purpose = Purpose.objects.filter(pk=int(purpose_id)).first()
    return Subscription(int(identifier_id), purpose) if purpose else None


def unsubscribe(subscription: Subscription, *, place: str) -> bool:
    """Withdraw the consent to the purpose, or object to it; return whether it is still anybody's.

    `place` says where it was done: on the page, or by the one click of a mail program.
    """
    identifier = Identifier.objects.filter(pk=subscription.identifier_id).first()
    if identifier is None:
        return False
    is_consent = subscription.purpose.legal_basis == LegalBasis.CONSENT
    statement = ConsentStatement(
        reference=str(identifier),
        purpose=subscription.purpose.key,
        kind=ConsentKind.CONSENT if is_consent else ConsentKind.OBJECTION,
        state=State.WITHDRAWN if is_consent else State.GIVEN,
        method=Method.BUTTON,
        evidence={"place": place},
    )
    try:
        record_own_statement(statement, reached=[identifier.pk], actor=CUSTOMER)
    except UnknownProfile:
        # They were erased since, so nothing is sent to them anyway.
        return False
    return True


def refuse_mail(address: str, purpose_key: str, *, place: str) -> bool:
    """Unsubscribe whoever has an address, as a provider of mail tells; return whether that was new.

    A repeat changes nothing, and neither does an unknown address or purpose.
    """
    purpose = Purpose.objects.filter(key=purpose_key).first()
    try:
        ref = parse_reference(f"email:{address}")
    except InvalidIdentifier:
        return False
    rows = Identifier.objects.filter(namespace="email", value=ref.value, profile__isnull=False)
    identifier = rows.first()
    if purpose is None or identifier is None or identifier.profile_id is None:
        return False
    if not may_process(identifier.profile_id, purpose_key, at=database_now()):
        return False
    return unsubscribe(Subscription(identifier.pk, purpose), place=place)


def _token(identifier_id: int, purpose: Purpose) -> str:
    sealed = _cipher().encrypt(f"{identifier_id}:{purpose.pk}".encode(), _LABEL)
    return urlsafe_b64encode(sealed).decode().rstrip("=")


def _cipher() -> AESSIV:
    # Deterministic, so that no two nonces can meet, however many mails are sent.
    return AESSIV(hashlib.sha512(f"unsubscribe:{settings.ADDRESS_KEY}".encode()).digest())
