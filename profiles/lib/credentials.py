"""Random keys: shown once, kept as SHA-256, told apart by a readable prefix."""

import hashlib
import secrets
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Credential:
    """A new key: `secret` is for its holder alone; `prefix` and `digest` are what is kept."""

    secret: str
    prefix: str
    digest: str


def make_credential(kind: str) -> Credential:
    """A key of 256 random bits that begins with its kind, such as `tsk` for an API key."""
    secret = f"{kind}_{secrets.token_urlsafe(32)}"
    return Credential(secret, secret[:12], digest_of(secret))


def digest_of(secret: str) -> str:
    """SHA-256, in hexadecimal. No salt: the keys are random, and one look-up must find them."""
    return hashlib.sha256(secret.encode()).hexdigest()
