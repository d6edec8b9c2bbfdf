"""Who must not come back: keyed hashes of the identifiers of erased people, checked on the way of every message.

Invariant: without every key that rows were made with, nothing is let through: a wrong key would let everybody back in.
"""

from collections.abc import Iterable
from uuid import UUID

from django.db import connection

from consent.lib.digests import keyed_digest
from consent.models import Suppression, SuppressionKeyCheck
from consent.suppression import sql
from consent.suppression.keys import (
    CANARY,
    SuppressionKeyMissing,
    suppression_digest,
    suppression_keys,
)
from profiles.identifiers.lookup import parse_reference
from profiles.identifiers.normalisers import NORMALISER_VERSION


def suppress(references: Iterable[str], *, request_id: UUID | None) -> None:
    """Keep these normalised references out, from the commit of this transaction on."""
    key = suppression_keys()[0]
    SuppressionKeyCheck.objects.get_or_create(
        key_id=key.id, defaults={"digest": keyed_digest(key.secret, CANARY)}
    )
    Suppression.objects.bulk_create(
        [
            Suppression(
                digest=suppression_digest(key, reference, NORMALISER_VERSION),
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
    keys = suppression_keys()
    digests = {
        suppression_digest(key, reference, version): reference
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
