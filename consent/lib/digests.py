"""Hashes that the ledger and the suppression list rest on, and the one spelling of JSON that they are taken of.

Invariant: what comes back from the database hashes as what went in, so numbers are spelled by value and keys sorted.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Context, Decimal
from math import isfinite
from typing import Any
from uuid import UUID

# JSON numbers of any size keep all their digits.
_EXACT = Context(prec=2000)


def canonical_json(value: Any) -> str:
    """The one spelling of a value made of JSON types, times and UUIDs."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _plain(value: Any) -> Any:
    match value:
        case bool() | None | str():
            return value
        case int() | float() | Decimal():
            number = Decimal(repr(value) if isinstance(value, float) else value)
            return {"number": str(_EXACT.plus(number).normalize(_EXACT))}
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        case Mapping():
            return {"object": {str(key): _plain(inner) for key, inner in value.items()}}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case UUID():
            return str(value)
    raise TypeError(f"{type(value).__name__} has no canonical spelling")


def as_plain_json(value: Any) -> Any:
    """JSON types only: exact decimals become floats, or text where no float is that large."""
    match value:
        case Decimal():
            number = float(value)
            return number if isfinite(number) else str(value)
        case Mapping():
            return {str(key): as_plain_json(inner) for key, inner in value.items()}
        case list() | tuple():
            return [as_plain_json(inner) for inner in value]
    return value


def event_digest(salt: str, row: Mapping[str, Any], evidence: Mapping[str, Any]) -> str:
    """SHA-256 over the salt, the row and what is personal about it, in hexadecimal.

    Without salt and evidence, which erasure deletes, it says nothing about the person.
    """
    text = "\0".join((salt, canonical_json(row), canonical_json(evidence)))
    return hashlib.sha256(text.encode()).hexdigest()


def keyed_digest(key: str, *words: str) -> bytes:
    """HMAC-SHA256 of words under a key; 32 bytes. Lengths are hashed too, so words cannot run into each other."""
    text = "".join(f"{len(word)}:{word}" for word in words)
    return hmac.digest(key.encode(), text.encode(), "sha256")
