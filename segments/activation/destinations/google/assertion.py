"""The assertion by which a service account is lent a token (RFC 7523)."""

import base64
from datetime import datetime

import msgspec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

SECONDS = 3600


class WrongKey(ValueError):
    """What was given is no key of a service account."""


def assertion_of(key: str, *, audience: str, scope: str, now: datetime) -> str:
    """Return the signed assertion of the key file of a service account. Raises WrongKey."""
    account = msgspec.json.decode(key)
    if not isinstance(account, dict):
        raise WrongKey
    second = int(now.timestamp())
    header = {"alg": "RS256", "typ": "JWT", "kid": account.get("private_key_id", "")}
    claims = {
        "iss": account.get("client_email", ""),
        "scope": scope,
        "aud": audience,
        "iat": second,
        "exp": second + SECONDS,
    }
    signed = b".".join(_part(msgspec.json.encode(each)) for each in (header, claims))
    signature = _private_key(str(account.get("private_key", ""))).sign(signed, PKCS1v15(), SHA256())
    return b".".join((signed, _part(signature))).decode()


def _private_key(text: str) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError):
        raise WrongKey from None
    if not isinstance(key, RSAPrivateKey):
        raise WrongKey
    return key


def _part(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")
