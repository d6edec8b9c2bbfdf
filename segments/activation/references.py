"""What a destination knows somebody by: sealed where it is stored, and a key that stands for it."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings

from profiles.lib import exact_json
from profiles.lib.sealing import box

_REFERENCES = "references at destinations"
_CREDENTIALS = "credentials of destinations"
_TOKENS = "tokens of destinations"


def key_of(destination_id: UUID, reference: Mapping[str, Any]) -> UUID:
    """Return the key of a reference at one destination, from which nobody can guess it."""
    return UUID(bytes=_keyed(destination_id.bytes, reference)[:16])


def digest_of(destination_id: UUID, content: Any) -> str:
    """Return the keyed digest of what is sent of somebody."""
    return _keyed(destination_id.bytes, content).hex()


def _keyed(prefix: bytes, content: Any) -> bytes:
    text = exact_json.dumps_sorted(content).encode()
    return hmac.digest(settings.DEDUPLICATION_KEY.encode(), prefix + text, hashlib.sha256)


def seal_reference(reference: Mapping[str, Any]) -> bytes:
    """Return what a destination knows somebody by, sealed."""
    return box(_REFERENCES).encrypt(exact_json.dumps(reference).encode())


def open_reference(sealed: bytes | memoryview) -> dict[str, Any]:
    """Return the reference that was sealed."""
    reference: dict[str, Any] = exact_json.loads(box(_REFERENCES).decrypt(bytes(sealed)))
    return reference


def seal_credentials(credentials: Mapping[str, str]) -> bytes:
    """Return the secrets of an account at a tool, sealed."""
    return box(_CREDENTIALS).encrypt(exact_json.dumps(credentials).encode())


def open_credentials(sealed: bytes | memoryview) -> dict[str, str]:
    """Return the credentials that were sealed."""
    credentials: dict[str, str] = exact_json.loads(box(_CREDENTIALS).decrypt(bytes(sealed)))
    return credentials


def seal_token(token: str) -> bytes:
    """Return a token that a tool lent, sealed."""
    return box(_TOKENS).encrypt(token.encode())


def open_token(sealed: bytes | memoryview) -> str:
    """Return the token that was sealed."""
    return box(_TOKENS).decrypt(bytes(sealed)).decode()
