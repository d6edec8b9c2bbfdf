"""Signing what people take with them, so that anybody can prove offline that it came from here.

Signed texts are JWS of RFC 7515 in the compact form, by Ed25519 (RFC 8037). The public keys are
served as a JWK set; those of retired keys stay in it.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from jwt.algorithms import OKPAlgorithm

ALGORITHM = "EdDSA"


class SigningKey(NamedTuple):
    """A private key, and the id under which its public half is served."""

    id: str
    private: Ed25519PrivateKey


def signed(content: Mapping[str, Any], *, kind: str) -> str:
    """Return content of JSON types as a compact JWS; `kind` says what it is in the header."""
    key = _key(settings.SIGNING_KEY)
    headers = {"kid": key.id, "typ": kind}
    return jwt.encode(dict(content), key.private, algorithm=ALGORITHM, headers=headers)


def is_signed(content: Mapping[str, Any], jws: object, *, kind: str) -> bool:
    """Whether a compact JWS is of this very content and kind, by a key in use or one before it."""
    for secret in (settings.SIGNING_KEY, *settings.RETIRED_SIGNING_KEYS):
        public = _key(secret).private.public_key()
        try:
            signature = jwt.decode_complete(str(jws), public, algorithms=[ALGORITHM])
        except jwt.InvalidTokenError:
            continue
        return bool(signature["payload"] == content and signature["header"].get("typ") == kind)
    return False


def sign_bytes(content: bytes) -> bytes:
    """Return the bare signature of bytes, by the key in use."""
    return _key(settings.SIGNING_KEY).private.sign(content)


def public_keys() -> dict[str, Any]:
    """Return the JWK set of the key in use and of those before it."""
    secrets = (settings.SIGNING_KEY, *settings.RETIRED_SIGNING_KEYS)
    return {"keys": [_public_key(_key(secret)) for secret in secrets]}


def _public_key(key: SigningKey) -> dict[str, Any]:
    jwk = OKPAlgorithm.to_jwk(key.private.public_key(), as_dict=True)
    return jwk | {"kid": key.id, "alg": ALGORITHM, "use": "sig"}


def _key(secret: str) -> SigningKey:
    # Any text serves as the secret; a private key is exactly 32 bytes.
    private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(secret.encode()).digest())
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return SigningKey(hashlib.sha256(public).hexdigest()[:16], private)
