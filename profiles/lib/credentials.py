"""Random keys. The secret is shown once; its digest and a readable prefix are stored."""

import hashlib
import secrets
from dataclasses import dataclass

SECRET_BYTES = 32  # 256 bits, so that no key can be guessed
PREFIX_LENGTH = 12  # the kind and some random characters, enough to recognise a key in a list


@dataclass(frozen=True, slots=True)
class Credential:
    """A new key: `secret` goes to the key's holder, `prefix` and `digest` are stored."""

    secret: str
    prefix: str
    digest: str


def make_credential(kind: str) -> Credential:
    """Make a key of 256 random bits that begins with its kind, such as `tsk` for an API key."""
    secret = f"{kind}_{secrets.token_urlsafe(SECRET_BYTES)}"
    return Credential(secret, secret[:PREFIX_LENGTH], digest_of(secret))


def digest_of(secret: str) -> str:
    """Return the SHA-256 of the secret in hexadecimal."""
    # No salt: the secret is random already, and a request must find its key with one look-up.
    return hashlib.sha256(secret.encode()).hexdigest()
