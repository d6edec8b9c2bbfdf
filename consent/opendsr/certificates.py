"""The X.509 certificate under which answers are signed, and its key.

The standard demands a certificate that an authority issued for the domain. Where the settings name
none, one is made that is signed by itself: it shows that the signatures work, and nobody outside
has a reason to trust it (`consent.W001`).
"""

import os
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.x509.oid import NameOID
from django.conf import settings

_KEY_BITS = 2048
_SELF_MADE_DAYS = 365
_SELF_MADE = ("opendsr_key.pem", "opendsr_certificate.pem")
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class UnusableCertificate(Exception):
    """The key or the certificate of the settings cannot be used; the text says why."""


class Certificate(NamedTuple):
    """A certificate with its chain in PEM, and the id by which its address names it."""

    id: str
    pem: bytes
    leaf: x509.Certificate


class Signer(NamedTuple):
    """The certificate in use, and the key of it."""

    certificate: Certificate
    key: PrivateKey

    def sign(self, content: bytes) -> bytes:
        """Return the signature with SHA-256, as FIPS 186-4 has it for the kind of the key."""
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(content, PKCS1v15(), hashes.SHA256())
        return self.key.sign(content, ec.ECDSA(hashes.SHA256()))


def domain() -> str:
    """Return the domain that answers name, and that the certificate is for."""
    return str(urlsplit(settings.OPENDSR_URL).hostname)


def current_signer() -> Signer:
    """Return the certificate in use with its key. Raises UnusableCertificate."""
    key_path, certificate_path = _paths()
    return _load_signer(key_path, certificate_path)


def find_certificate(certificate_id: str) -> Certificate | None:
    """Return a certificate in use, or one of before a rotation, by its id."""
    served = [current_signer().certificate, *map(_load_certificate, _retired_paths())]
    return next((certificate for certificate in served if certificate.id == certificate_id), None)


def certificate_faults(now: datetime) -> list[str]:
    """Return what a controller would refuse of the certificate in use."""
    try:
        leaf = current_signer().certificate.leaf
    except UnusableCertificate as error:
        return [str(error)]
    faults = []
    if leaf.issuer == leaf.subject:
        faults.append("it is signed by itself, which the standard forbids")
    if domain() not in _names(leaf):
        faults.append(f"it is not for {domain()}")
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        faults.append("it is not valid now")
    return faults


def _paths() -> tuple[Path, Path]:
    if settings.OPENDSR_KEY_FILE and settings.OPENDSR_CERTIFICATE_FILE:
        return Path(settings.OPENDSR_KEY_FILE), Path(settings.OPENDSR_CERTIFICATE_FILE)
    return _self_made(settings.SECRETS_DIR)


def _retired_paths() -> list[Path]:
    return [Path(name) for name in settings.RETIRED_OPENDSR_CERTIFICATE_FILES]


@cache
def _load_signer(key_path: Path, certificate_path: Path) -> Signer:
    key, certificate = _read_key(key_path), _load_certificate(certificate_path)
    if key.public_key() != certificate.leaf.public_key():
        raise UnusableCertificate("its key is that of another certificate")
    return Signer(certificate, key)


def _read_key(path: Path) -> PrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise UnusableCertificate(f"its key cannot be read ({type(error).__name__})") from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise UnusableCertificate("its key is neither RSA nor of an elliptic curve")
    return key


@cache
def _load_certificate(path: Path) -> Certificate:
    try:
        pem = path.read_bytes()
        leaf = x509.load_pem_x509_certificates(pem)[0]
    except (OSError, ValueError) as error:
        raise UnusableCertificate(f"it cannot be read ({type(error).__name__})") from None
    return Certificate(leaf.fingerprint(hashes.SHA256()).hex()[:16], pem, leaf)


def _names(leaf: x509.Certificate) -> set[str]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    addresses = (str(address) for address in names.get_values_for_type(x509.IPAddress))
    return {*names.get_values_for_type(x509.DNSName), *addresses}


def _self_made(directory: Path) -> tuple[Path, Path]:
    """Return the files of a key and a certificate that are made on first use."""
    key_path, certificate_path = (directory / name for name in _SELF_MADE)
    if not certificate_path.exists():
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        # Of two processes that start at once, both then take the key that lies there first.
        _write_once(key_path, pem)
        _write_once(certificate_path, _self_signed(_read_key(key_path)))
    return key_path, certificate_path


def _self_signed(key: PrivateKey) -> bytes:
    host, now = domain(), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=_SELF_MADE_DAYS))
        .add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write_once(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, unless it exists."""
    draft = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    try:
        # A link is atomic, and keeps what is there.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
