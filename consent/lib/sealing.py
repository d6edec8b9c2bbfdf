"""Sealing addresses of people who may not be stored: only who has the key reads them.

The key lies outside the database. A sealed text lives for minutes in a row and for days in a mail,
so that the random nonces of one key do not meet.
"""

import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from django.conf import settings

_NONCE_BYTES = 12


def seal(text: str) -> bytes:
    """Return the text encrypted and authenticated, with its nonce in front."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + _cipher().encrypt(nonce, text.encode(), None)


def unseal(sealed: bytes) -> str | None:
    """Return the text that was sealed; None if it was not sealed with this key, or was changed."""
    nonce, encrypted = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return _cipher().decrypt(nonce, encrypted, None).decode()
    except (InvalidTag, ValueError):
        return None


def _cipher() -> ChaCha20Poly1305:
    return ChaCha20Poly1305(hashlib.sha256(settings.ADDRESS_KEY.encode()).digest())
