"""Links of mails that are counted: each leads over an address of this site, and on from there.

Where it leads is sealed in the address itself, with a key outside the database, so that it still
leads on when the person, the template or the automation is gone.

Invariant: an address that was not made here leads nowhere, and one that was names nobody: only what
the template itself says is sealed, and links with fields of a person are left as they are.
"""

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Collection
from html import unescape
from typing import NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from django.conf import settings

# Given the address of a link, returns the one over which it is led.
Lead = Callable[[str], str]
_LABEL = [b"link of a mail"]
_LINK = re.compile(r"""(<a\b[^>]*?\shref=)(["'])(https?://[^"'<>]*)\2""", re.IGNORECASE)
# Beyond it programs for mail cut addresses off.
LONGEST = 1000


class MailLink(NamedTuple):
    """A link of a mail that was sent: the id of the mail, and where the link leads."""

    message: UUID
    address: str


def counting_address(link: MailLink) -> str:
    """Return the address at which a link is counted; the same whenever it is made."""
    sealed = _cipher().encrypt(link.message.bytes + link.address.encode(), _LABEL)
    token = urlsafe_b64encode(sealed).decode().rstrip("=")
    return f"{_site()}/links/{token}/"


def find_mail_link(token: str) -> MailLink | None:
    """Return the link that a token was made of; None where it was not made here."""
    try:
        sealed = urlsafe_b64decode(f"{token}{'=' * (-len(token) % 4)}")
        content = _cipher().decrypt(sealed, _LABEL)
    except (InvalidTag, NotBase64, ValueError):
        return None
    return MailLink(UUID(bytes=content[:16]), content[16:].decode())


def led_over(html: str, words: Collection[str], lead: Lead) -> str:
    """Return a page whose links are led over other addresses.

    Links with one of the words, which stand for fields, are left as they are; so are those to this
    site itself, where people unsubscribe and choose.
    """

    def replaced(match: re.Match[str]) -> str:
        address = unescape(match[3])
        is_own = f"{address}/".startswith(f"{_site()}/")
        if is_own or len(address) > LONGEST or any(word in address for word in words):
            return match[0]
        return f'{match[1]}"{lead(address)}"'

    return _LINK.sub(replaced, html)


def _site() -> str:
    return settings.PUBLIC_URL.rstrip("/")


def _cipher() -> AESSIV:
    # Deterministic, so that no two nonces can meet, however many mails are sent.
    return AESSIV(hashlib.sha512(f"mail links:{settings.ADDRESS_KEY}".encode()).digest())
