"""Signatures by a private key of the provider, whose public key or certificate the source is given.

Providers publish their keys at an address of theirs. Nothing is fetched here: whoever sets a source
up copies the key into its secret, and a new one when the provider exchanges it.
"""

import base64
import binascii
import re
from collections.abc import Iterator

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_public_key

from ingestion.presets.delivery import BadSignature

_BLOCK = re.compile(r"-----BEGIN (PUBLIC KEY|CERTIFICATE)-----([^-]*)-----END \1-----")


def check_by_key(
    secret: str, signed: bytes, signature: str, algorithm: hashes.HashAlgorithm
) -> None:
    """Check the base64 of a signature by any key that the secret has. Raises BadSignature."""
    try:
        given = base64.b64decode(signature, validate=True)
    except (ValueError, binascii.Error):
        raise BadSignature from None
    if not any(_is_signed(key, signed, given, algorithm) for key in _public_keys(secret)):
        raise BadSignature


def text_before_keys(secret: str) -> str:
    """Return what a secret has before its first key, such as the number of a webhook."""
    return secret.partition("-----BEGIN")[0].strip()


def has_key(secret: str) -> bool:
    """Whether a secret has a key that can be read."""
    return any(True for _ in _public_keys(secret))


def _public_keys(secret: str) -> Iterator[PublicKeyTypes]:
    """Yield the keys of a secret; a form may have taken the ends of their lines away."""
    for kind, text in _BLOCK.findall(secret):
        try:
            der = base64.b64decode("".join(text.split()), validate=True)
            if kind == "CERTIFICATE":
                yield x509.load_der_x509_certificate(der).public_key()
            else:
                yield load_der_public_key(der)
        except (ValueError, binascii.Error):
            continue


def _is_signed(
    key: PublicKeyTypes, signed: bytes, signature: bytes, algorithm: hashes.HashAlgorithm
) -> bool:
    try:
        match key:
            case rsa.RSAPublicKey():
                key.verify(signature, signed, padding.PKCS1v15(), algorithm)
            case ec.EllipticCurvePublicKey():
                key.verify(signature, signed, ec.ECDSA(algorithm))
            case _:
                return False
    except InvalidSignature:
        return False
    return True
