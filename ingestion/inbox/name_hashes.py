"""Whom a kept message names or mentions, as keyed hashes by which an erasure finds it.

Invariant: the hashes of a message are those of all that an erasure would find in its content. A
migration that changes what is found there (normalisers, rings) sets the column to null: rows
without hashes are opened.
"""

import hashlib
from collections.abc import Iterable

from django.conf import settings

from consent.services import mentions
from ingestion.inbox.identifier_scan import references_in

_BYTES = 8  # as many as a bigint has; what two references share is only a message opened in vain


def names_in(body: bytes, *quoted: str) -> list[int]:
    """Return the hashes of a message, and of the texts beside it that quote it.

    Identifiers are hashed under every spelling that staff may choose for their namespace later.
    """
    references = {
        *references_in(body, None),
        *mentions(quoted, region=settings.DEFAULT_PHONE_REGION),
    }
    return hashes_of(references)


def hashes_of(references: Iterable[str]) -> list[int]:
    """Return the hash of each `namespace:value`, in no order."""
    key = hashlib.sha256(b"names" + settings.DEDUPLICATION_KEY.encode()).digest()
    texts = {reference.encode(errors="replace") for reference in references}
    digests = (hashlib.blake2b(text, key=key, digest_size=_BYTES).digest() for text in texts)
    return [int.from_bytes(digest, signed=True) for digest in digests]
