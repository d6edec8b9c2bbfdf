"""The keys under which suppressed identifiers are hashed, and the proof that they are the right ones."""

import hashlib
from typing import NamedTuple

from django.conf import settings

from consent.lib.digests import keyed_digest
from consent.models import SuppressionKeyCheck

CANARY = "tessera suppression"


class SuppressionKeyMissing(RuntimeError):
    """Suppressed people cannot be recognised: SUPPRESSION_KEY is not the one that rows were made with."""


class SuppressionKey(NamedTuple):
    id: str
    secret: str


def check_suppression_key() -> list[str]:
    """What is wrong with the keys, for start-up and `/readyz`; empty if every row can be recognised."""
    keys = {key.id: key for key in suppression_keys()}
    faults = []
    for check in SuppressionKeyCheck.objects.all():
        key = keys.get(check.key_id)
        if key is None or keyed_digest(key.secret, CANARY) != bytes(check.digest):
            faults.append(f"The suppression key with id {check.key_id} is not configured.")
    return faults


def suppression_keys() -> list[SuppressionKey]:
    """The key in use first, then those that were: rows made with them still count."""
    configured = (settings.SUPPRESSION_KEY, *getattr(settings, "RETIRED_SUPPRESSION_KEYS", ()))
    return [SuppressionKey(_key_id(secret), secret) for secret in configured]


def _key_id(secret: str) -> str:
    """The first 8 hexadecimal digits of the key's SHA-256: tells keys apart without giving one away."""
    return hashlib.sha256(secret.encode()).hexdigest()[:8]


def suppression_digest(key: SuppressionKey, reference: str, version: int) -> bytes:
    return keyed_digest(key.secret, str(version), reference)
