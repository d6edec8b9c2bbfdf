"""Adding identifiers to the suppression list, and looking them up.

Invariant: unless every key that rows were made with is configured, every look-up fails. With a
wrong key all erased people would come back unnoticed.
"""

from collections.abc import Iterable, Iterator
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
from profiles.identifiers.normalisers import NORMALISER_VERSION, former_spellings


def suppress(references: Iterable[str], *, request_id: UUID | None) -> None:
    """Put normalised `namespace:value` references on the list, in the caller's transaction."""
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


def find_suppressed(references: Iterable[str]) -> set[str]:
    """Return those of the normalised `namespace:value` references that are suppressed.

    Takes two queries at most. The caller holds the people lock, or an erasure could commit
    between the look-up and its use. Raises SuppressionKeyMissing.
    """
    # Without any row the keys do not matter, and hashing every reference would be wasted.
    if not Suppression.objects.exists():
        return set()
    keys = suppression_keys()
    # Rows keep the normaliser version they were made with, so every version is tried.
    digests = {
        suppression_digest(key, spelling, version): reference
        for reference in set(references)
        for version in range(1, NORMALISER_VERSION + 1)
        for spelling in _spellings(reference, version)
        for key in keys
    }
    if not digests:
        return set()
    with connection.cursor() as cursor:
        parameters: dict[str, list[bytes] | list[str]] = {
            "digests": list(digests),
            "key_ids": [key.id for key in keys],
        }
        cursor.execute(sql.SUPPRESSED, parameters)
        rows = cursor.fetchall()
    if any(digest is None for digest, _ in rows):
        raise SuppressionKeyMissing(
            "Suppressed people cannot be recognised: SUPPRESSION_KEY is not the one that rows "
            "were made with."
        )
    return {digests[bytes(digest)] for digest, _ in rows}


def _spellings(reference: str, version: int) -> Iterator[str]:
    namespace, _, value = reference.partition(":")
    for spelling in former_spellings(namespace, value, version):
        yield f"{namespace}:{spelling}"


def is_suppressed(reference: str) -> bool:
    """Whether a reference, normalised or not, is suppressed. Raises InvalidIdentifier."""
    ref = parse_reference(reference)
    return bool(find_suppressed([f"{ref.namespace}:{ref.value}"]))
