"""The keys that hash suppressed identifiers, and the check that the configured keys are right."""

import hashlib
from typing import NamedTuple

from django.conf import settings

from consent.lib.digests import keyed_digest
from consent.models import SuppressionKeyCheck

# A known text. Its hash, stored with each key's id, shows whether a configured key is that key.
CANARY = "tessera suppression"


class SuppressionKeyMissing(RuntimeError):
    """A key that suppressions were made with is not configured."""


class SuppressionKey(NamedTuple):
    id: str
    secret: str


def check_suppression_key() -> list[str]:
    """Return a fault for each key that has rows but is not configured.

    Called by the system check at start-up and by `/readyz`. An empty list means that every row
    can be recognised.
    """
    keys = {key.id: key for key in suppression_keys()}
    faults = []
    for check in SuppressionKeyCheck.objects.all():
        key = keys.get(check.key_id)
        # The id alone could match by chance, since it is only 8 hexadecimal digits.
        if key is None or keyed_digest(key.secret, CANARY) != bytes(check.digest):
            faults.append(f"The suppression key with id {check.key_id} is not configured.")
    return faults


def suppression_keys() -> list[SuppressionKey]:
    """Return the key in use first, then the retired ones, whose rows still count."""
    secrets = (settings.SUPPRESSION_KEY, *getattr(settings, "RETIRED_SUPPRESSION_KEYS", ()))
    return [SuppressionKey(_key_id(secret), secret) for secret in secrets]


def _key_id(secret: str) -> str:
    # Short on purpose: it must tell keys apart without helping to guess one.
    return hashlib.sha256(secret.encode()).hexdigest()[:8]


def suppression_digest(key: SuppressionKey, reference: str, version: int) -> bytes:
    """Return the hash under which a normalised reference is suppressed.

    `version` is that of the normaliser, since its rules decide how the reference is spelled.
    """
    return keyed_digest(key.secret, str(version), reference)
