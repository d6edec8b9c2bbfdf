"""The words of OpenDSR 2.0, and what they mean here (github.com/opengdpr/OpenDSR, 2020-06-29).

Pure. What the standard leaves open is decided in docs/decisions/0020-how-opendsr-is-read.md.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

API_VERSION = "2.0"
REGULATIONS = ("gdpr", "ccpa")
RAW, SHA256 = "raw", "sha256"
# Kinds of the standard, by their words, and those that it has no words for. The latter are never
# named in the discovery.
STANDARD_KINDS = {"erasure": "erasure", "access": "access", "portability": "portability"}
OWN_KINDS = {
    "x-rectification": "rectification",
    "x-restriction": "restriction",
    "x-objection": "objection",
}
KINDS = STANDARD_KINDS | OWN_KINDS
# The namespace of each type of identity. A device's own id of Android and of a vendor's apps on
# iOS is what Segment's SDKs send as `context.device.id`.
NAMESPACES = {
    "controller_customer_id": "user_id",
    "email": "email",
    "android_id": "android.id",
    "android_advertising_id": "android.idfa",
    "ios_vendor_id": "ios.id",
    "ios_advertising_id": "ios.idfa",
}
# MD5 and SHA-1 of an address are found by trying addresses, and prove nothing.
FORMATS = {"email": (RAW, SHA256)}
# A verifiable consumer request has 45 days (Cal. Civ. Code 1798.130).
_CCPA_DAYS = timedelta(days=45)


class Status:
    """The statuses of the standard, and which of ours each stands for."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


_STATUSES = {
    "received": Status.PENDING,
    "awaiting_verification": Status.PENDING,
    # Only requests of staff cool off.
    "cooling": Status.PENDING,
    "verified": Status.IN_PROGRESS,
    "in_progress": Status.IN_PROGRESS,
    "held": Status.IN_PROGRESS,
    "done": Status.COMPLETED,
    "refused": Status.CANCELLED,
    "cancelled": Status.CANCELLED,
}
_RANKS = {
    Status.PENDING: 0,
    Status.IN_PROGRESS: 1,
    Status.COMPLETED: 2,
    Status.CANCELLED: 2,
}


class Identity(NamedTuple):
    """One identity of a request: a type and a format of the standard, and the value."""

    type: str
    value: str
    format: str


def supported_identities() -> list[dict[str, str]]:
    """Return every pair of type and format that is understood."""
    return [
        {"identity_type": name, "identity_format": form}
        for name in NAMESPACES
        for form in FORMATS.get(name, (RAW,))
    ]


def is_supported(identity: Identity) -> bool:
    """Whether the pair of type and format is understood."""
    return identity.format in FORMATS.get(identity.type, (RAW,)) and identity.type in NAMESPACES


def references(identities: Iterable[Identity]) -> list[str]:
    """Return `namespace:value` of the identities that are not hashed."""
    raw = (identity for identity in identities if identity.format == RAW)
    return [f"{NAMESPACES[identity.type]}:{identity.value}" for identity in raw]


def hashes(identities: Iterable[Identity]) -> list[str]:
    """Return the SHA-256 of the identities that are hashed, in lower-case hexadecimal."""
    return [identity.value.lower() for identity in identities if identity.format == SHA256]


def status_of(status: str) -> str:
    """Return the standard's word for the status of a privacy request."""
    return _STATUSES[status]


def changes_of_status(statuses: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Yield, of the steps of a request in order, those at which the standard's status goes on.

    Steps are (number, our status); what is yielded has the standard's word. A request begins as
    pending, which is no change.
    """
    known = Status.PENDING
    for number, status in statuses:
        word = status_of(status)
        if _RANKS[word] > _RANKS[known]:
            known = word
            yield number, word


def expected_completion(
    regulation: str, *, submitted_at: datetime, received_at: datetime, month_later: datetime
) -> datetime:
    """Return until when a request is answered: `month_later` is a month after the earlier time."""
    if regulation == "ccpa":
        return min(submitted_at, received_at) + _CCPA_DAYS
    return month_later


def own_extension(extensions: Mapping[str, Any], domain: str) -> Mapping[str, Any]:
    """Return what a request has for this processor beyond the standard's fields."""
    extension = extensions.get(domain)
    return extension if isinstance(extension, Mapping) else {}
