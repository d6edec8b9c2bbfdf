"""Canonical JSON, and the hashes of the ledger and the suppression list that are computed from it.

Invariant: a value read back from the database hashes as it did when it was written. Therefore
numbers are spelled by value (1.0 and 1 are the same) and object keys are sorted.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Context, Decimal
from functools import lru_cache
from math import isfinite
from typing import Any
from uuid import UUID

_encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)
# Enough for JSON numbers of any size to keep all their digits.
_EXACT = Context(prec=2000)
_SHORT = 10**18


def canonical_json(value: Any) -> str:
    """Return the only spelling of a value made of JSON types, times and UUIDs.

    Raises TypeError for any other type.
    """
    return _encoder.encode(_canonical(value))


def _canonical(value: Any) -> Any:
    match value:
        case bool() | None | str():
            return value
        case int() | float() | Decimal():
            # An object rather than a string: the number 1 and the text "1" must hash differently.
            return {"number": _spelled(value)}
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        case Mapping():
            # Objects are wrapped too, or {"number": "1"} would hash as the number 1.
            return {"object": {str(key): _canonical(inner) for key, inner in value.items()}}
        case list() | tuple():
            return [_canonical(inner) for inner in value]
        case UUID():
            return str(value)
    raise TypeError(f"{type(value).__name__} has no canonical spelling")


def _spelled(number: float | Decimal) -> str:
    # Most are ids, which a decimal spells as they are unless they end in zeros.
    if type(number) is int and number % 10 and -_SHORT < number < _SHORT:
        return str(number)
    exact = Decimal(repr(number) if isinstance(number, float) else number)
    return str(_EXACT.plus(exact).normalize(_EXACT))


def as_plain_json(value: Any) -> Any:
    """Return the value with exact decimals turned into floats.

    A decimal that no float can hold becomes text.
    """
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
    """Return the SHA-256 of the salt, the row and its personal evidence, in hexadecimal.

    Erasure deletes the salt and the evidence. What remains cannot be linked to the person,
    because guesses at the evidence cannot be checked without the salt.
    """
    text = "\0".join((salt, canonical_json(row), canonical_json(evidence)))
    return hashlib.sha256(text.encode()).hexdigest()


def keyed_digest(key: str, *words: str) -> bytes:
    """Return the HMAC-SHA256 of the words, 32 bytes."""
    # The lengths keep ("ab", "c") and ("a", "bc") apart.
    text = "".join([f"{len(word)}:{word}" for word in words])
    # A copy of what is keyed already takes half the time: each chunk of messages asks thousands.
    keyed = _keyed(key).copy()
    keyed.update(text.encode())
    return keyed.digest()


@lru_cache(maxsize=16)
def _keyed(key: str) -> hmac.HMAC:
    return hmac.new(key.encode(), digestmod="sha256")
