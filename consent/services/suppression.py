"""Who must not come back: keyed hashes of the identifiers of erased people, checked on the way of every message.

Invariant: without every key that rows were made with, nothing is let through: a wrong key would let everybody back in.
"""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection

from consent import sql
from consent.digests import keyed_digest
from consent.models import Suppression, SuppressionKeyCheck
from profiles.identifiers.lookup import parse_reference
from profiles.identifiers.normalisers import NORMALISER_VERSION

_CANARY = "tessera suppression"


class SuppressionKeyMissing(RuntimeError):
    """Suppressed people cannot be recognised: SUPPRESSION_KEY is not the one that rows were made with."""


class _Key(NamedTuple):
    id: str
    secret: str


def suppress(references: Iterable[str], *, request_id: UUID | None) -> None:
    """Keep these normalised references out, from the commit of this transaction on."""
    key = _keys()[0]
    SuppressionKeyCheck.objects.get_or_create(
        key_id=key.id, defaults={"digest": keyed_digest(key.secret, _CANARY)}
    )
    Suppression.objects.bulk_create(
        [
            Suppression(
                digest=_digest(key, reference, NORMALISER_VERSION),
                key_id=key.id,
                normaliser_version=NORMALISER_VERSION,
                request_id=request_id,
            )
            for reference in sorted(set(references))
        ],
        ignore_conflicts=True,
    )


def suppressed(references: Iterable[str]) -> set[str]:
    """Those of the normalised `namespace:value` references that are suppressed. Two queries at most.

    To be called after the people lock is taken. Raises SuppressionKeyMissing.
    """
    if not Suppression.objects.exists():
        return set()
    keys = _keys()
    digests = {
        _digest(key, reference, version): reference
        for reference in set(references)
        for key in keys
        for version in range(1, NORMALISER_VERSION + 1)
    }
    if not digests:
        return set()
    with connection.cursor() as cursor:
        wanted = {"digests": list(digests), "key_ids": [key.id for key in keys]}
        cursor.execute(sql.SUPPRESSED, wanted)
        found = cursor.fetchall()
    if any(digest is None for digest, _ in found):
        raise SuppressionKeyMissing(SuppressionKeyMissing.__doc__)
    return {digests[bytes(digest)] for digest, _ in found}


def is_suppressed(reference: str) -> bool:
    """Whether one reference, as somebody wrote it, is suppressed. Raises InvalidIdentifier."""
    ref = parse_reference(reference)
    return bool(suppressed([f"{ref.namespace}:{ref.value}"]))


def check_suppression_key() -> list[str]:
    """What is wrong with the keys, for start-up and `/readyz`; empty if every row can be recognised."""
    keys = {key.id: key for key in _keys()}
    faults = []
    for check in SuppressionKeyCheck.objects.all():
        key = keys.get(check.key_id)
        if key is None or keyed_digest(key.secret, _CANARY) != bytes(check.digest):
            faults.append(f"The suppression key with id {check.key_id} is not configured.")
    return faults


def _keys() -> list[_Key]:
    """The key in use first, then those that were: rows made with them still count."""
    configured = (settings.SUPPRESSION_KEY, *getattr(settings, "RETIRED_SUPPRESSION_KEYS", ()))
    return [_Key(_key_id(secret), secret) for secret in configured]


def _key_id(secret: str) -> str:
    """The first 8 hexadecimal digits of the key's SHA-256: tells keys apart without giving one away."""
    return hashlib.sha256(secret.encode()).hexdigest()[:8]


def _digest(key: _Key, reference: str, version: int) -> bytes:
    return keyed_digest(key.secret, str(version), reference)
