"""Adding identifiers to the suppression list, and looking them up.

Invariant: unless every key that rows were made with is configured, every look-up fails. With a
wrong key all erased people would come back unnoticed.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from consent.lib.digests import keyed_digest
from consent.models import Suppression, SuppressionKeyCheck
from consent.suppression import sql
from consent.suppression.forms import mentions, redacted, spellings, stored_spellings
from consent.suppression.keys import (
    CANARY,
    SuppressionKey,
    SuppressionKeyMissing,
    suppression_digest,
    suppression_keys,
)
from profiles.identifiers.lookup import parse_reference
from profiles.identifiers.normalisers import NORMALISER_VERSION, former_spellings


def suppress(
    references: Iterable[str],
    *,
    request_id: UUID | None,
    refusals: Sequence[Sequence[Any]] = (),
) -> None:
    """Put normalised `namespace:value` references on the list, in the caller's transaction.

    An address that was a user id is suppressed as an address too. `refusals` are pairs of kind and
    purpose id that stand again if the person comes back.
    """
    spelled = {
        spelling
        for reference in references
        for spelling in stored_spellings(*_parted(reference), settings.DEFAULT_PHONE_REGION)
    }
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
                refusals=[list(refusal) for refusal in refusals],
            )
            for reference in sorted(spelled)
        ],
        # A row that was lifted is closed again, and what was refused since is added.
        update_conflicts=True,
        unique_fields=["digest", "key_id", "normaliser_version"],
        update_fields=["lifted_at", "request_id", "refusals"],
    )


def rows_of(reference: str) -> QuerySet[Suppression]:
    """Return the rows that keep a normalised reference out."""
    digests = _digests(_by_spelling([reference]), suppression_keys())
    return Suppression.objects.filter(digest__in=list(digests), lifted_at=None)


def find_suppressed(references: Iterable[str]) -> set[str]:
    """Return those of the normalised `namespace:value` references that are suppressed.

    They are, under any of their spellings (`consent.suppression.forms`). Takes two queries at most.
    The caller holds the people lock, or an erasure could commit between the look-up and its use.
    Raises SuppressionKeyMissing.
    """
    # Without any row the keys do not matter, and hashing every reference would be wasted.
    if not Suppression.objects.exists():
        return set()
    keys = suppression_keys()
    spelled = _by_spelling(references)
    digests = _digests(spelled, keys)
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
    return {reference for digest, _ in rows for reference in spelled[digests[bytes(digest)]]}


def _digests(spelled: Iterable[str], keys: Sequence[SuppressionKey]) -> dict[bytes, str]:
    """Return each digest that a row of a reference may have, with the reference.

    Rows keep the normaliser version that they were made with, so every version is tried.
    """
    return {
        suppression_digest(key, former, version): reference
        for reference in spelled
        for version in range(1, NORMALISER_VERSION + 1)
        for former in _former_spellings(reference, version)
        for key in keys
    }


def _former_spellings(reference: str, version: int) -> Iterator[str]:
    namespace, _, value = reference.partition(":")
    for spelling in former_spellings(namespace, value, version):
        yield f"{namespace}:{spelling}"


def is_suppressed(reference: str) -> bool:
    """Whether a reference, normalised or not, is suppressed. Raises InvalidIdentifier."""
    ref = parse_reference(reference)
    return bool(find_suppressed([f"{ref.namespace}:{ref.value}"]))


def clean(content: Any) -> Any:
    """Return JSON without what stands for an erased person, the same object where nothing does.

    The caller holds the people lock.
    """
    return clean_many([content])[0]


def clean_many(contents: Sequence[Any]) -> Sequence[Any]:
    """Return each of the JSON values without what stands for an erased person."""
    region = settings.DEFAULT_PHONE_REGION
    suppressed = find_suppressed(
        reference for content in contents for reference in mentions(content, region=region)
    )
    if not suppressed:
        return contents
    return [redacted(content, suppressed, region=region) for content in contents]


def _by_spelling(references: Iterable[str]) -> dict[str, list[str]]:
    spelled: dict[str, list[str]] = defaultdict(list)
    for reference in set(references):
        for spelling in spellings(*_parted(reference), settings.DEFAULT_PHONE_REGION):
            spelled[spelling].append(reference)
    return spelled


def _parted(reference: str) -> tuple[str, str]:
    namespace, _, value = reference.partition(":")
    return namespace, value
