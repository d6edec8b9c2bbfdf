"""Time stamps of the ledger's head, by an authority that nobody here governs (RFC 3161).

Invariant: a stamp that is handed out was verified against the roots that the settings name. It
shows that the head was what it is by then, and leaves the house with no word about anybody.
"""

from datetime import datetime
from pathlib import Path

from cryptography import x509
from django.conf import settings
from rfc3161_client import (
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from consent.ledger.chain import Head
from profiles.lib.outgoing import NotCalled, send

_HEADERS = {"Content-Type": "application/timestamp-query"}
_MOST_READ = 64 * 1024


class NoTimestamp(Exception):
    """There is no time stamp of the head. The text says why."""


def request_timestamp(head: Head) -> bytes:
    """Return a verified time stamp of a head, as the authority answered. Raises NoTimestamp."""
    if not settings.TIMESTAMP_URL:
        raise NoTimestamp("No authority is set: TIMESTAMP_URL, and its roots in TIMESTAMP_ROOTS.")
    query = TimestampRequestBuilder().data(_words_of(head)).build()
    try:
        answer = send(settings.TIMESTAMP_URL, query.as_bytes(), _HEADERS, most_read=_MOST_READ)
    except NotCalled as fault:
        raise NoTimestamp(f"The authority was not reached: {fault.code}.") from None
    if answer.status != 200:
        raise NoTimestamp(f"The authority answered {answer.status}.")
    read_timestamp(answer.body, head, nonce=query.nonce)
    return answer.body


def read_timestamp(stamp: bytes, head: Head, *, nonce: int | None = None) -> datetime:
    """Return when an authority saw this head. Raises NoTimestamp."""
    try:
        response = decode_timestamp_response(stamp)
        _verify(response, head, nonce)
    except (ValueError, VerificationError):
        raise NoTimestamp("It is no time stamp of this head by the authority.") from None
    at: datetime = response.tst_info.gen_time
    return at


def _verify(response: TimeStampResponse, head: Head, nonce: int | None) -> None:
    verifier = VerifierBuilder(roots=_roots(), nonce=nonce).build()
    verifier.verify_message(response, _words_of(head))


def _roots() -> list[x509.Certificate]:
    if not settings.TIMESTAMP_ROOTS:
        raise NoTimestamp("TIMESTAMP_ROOTS names no file with the authority's roots.")
    try:
        return x509.load_pem_x509_certificates(Path(settings.TIMESTAMP_ROOTS).read_bytes())
    except (OSError, ValueError):
        raise NoTimestamp("The file of TIMESTAMP_ROOTS is no certificates in PEM.") from None


def _words_of(head: Head) -> bytes:
    return str(head).encode()
