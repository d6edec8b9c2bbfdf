"""The chain of keys that hashes suppressed identifiers, and the check that it is the right one.

Invariant: each key wraps what the keys before it made. So a leaked key alone confirms no guess, a
rotation wraps the rows that are there, and a look-up hashes once along the chain.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from django.conf import settings

from consent.lib.digests import keyed_digest
from consent.models import SuppressionKeyCheck

# A known text. Its hash, stored with the chain's id, shows whether the configured keys are those.
CANARY = "tessera suppression"


class SuppressionKeyMissing(RuntimeError):
    """A key that suppressions were made with is not configured."""


class SuppressionKey(NamedTuple):
    """One link: its secret, and the id of the chain that ends with it."""

    id: str
    secret: str


def suppression_keys() -> tuple[SuppressionKey, ...]:
    """Return the chain, the oldest key first and the one in use last."""
    secrets = (*getattr(settings, "RETIRED_SUPPRESSION_KEYS", ()), settings.SUPPRESSION_KEY)
    return tuple(
        SuppressionKey(_chain_id(secrets[:length]), secrets[length - 1])
        for length in range(1, len(secrets) + 1)
    )


def _chain_id(secrets: Sequence[str]) -> str:
    # Short on purpose: it must tell chains apart without helping to guess a key.
    return hashlib.sha256("\0".join(secrets).encode()).hexdigest()[:8]


def suppression_digests(
    keys: Sequence[SuppressionKey], reference: str, version: int
) -> Iterator[bytes]:
    """Yield the hash of a normalised reference under each chain, the longest last.

    `version` is that of the normaliser, since its rules decide how the reference is spelled.
    """
    digest = keyed_digest(keys[0].secret, str(version), reference)
    yield digest
    for key in keys[1:]:
        digest = wrapped(digest, [key])
        yield digest


def wrapped(digest: bytes, keys: Iterable[SuppressionKey]) -> bytes:
    """Return a hash of a shorter chain under the chain that goes on with these keys."""
    for key in keys:
        digest = hmac.digest(key.secret.encode(), digest, "sha256")
    return digest


def canary_digest(keys: Sequence[SuppressionKey]) -> bytes:
    """Return the hash of the known text under a whole chain."""
    return wrapped(keyed_digest(keys[0].secret, CANARY), keys[1:])


def check_suppression_key() -> list[str]:
    """Return a fault for each chain that has rows but is not configured.

    Called by the system check at start-up and by `/readyz`. An empty list means that every row
    can be recognised.
    """
    keys = suppression_keys()
    expected = {key.id: canary_digest(keys[:length]) for length, key in enumerate(keys, start=1)}
    return [
        f"The suppression key with id {check.key_id} is not configured."
        for check in SuppressionKeyCheck.objects.all()
        # The id alone could match by chance, since it is only 8 hexadecimal digits.
        if expected.get(check.key_id) != bytes(check.digest)
    ]
