"""Answers to requests that carry an idempotency key: the same request has the same answer.

Invariant: a key with another body is refused and never gets the old answer, so that no withdrawal
is taken for the grant before it.
"""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from consent.ledger.statements import KeyReused
from consent.lib import sql
from consent.lib.digests import canonical_json, keyed_digest
from consent.models import IdempotentAnswer
from profiles.lib.database import database_now

logger = logging.getLogger(__name__)
KEPT = timedelta(days=30)
# "IDEM" in ASCII: any constant that no other two-number lock of the database starts with will do.
_ANSWER_LOCKS = 0x49_44_45_4D


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request with its key: of which service, by which method and path, and its JSON as sent.

    `is_refusal` says that the person is worse off if it is not recorded.
    """

    service: str
    method: str
    path: str
    key: str
    body: Any
    is_refusal: bool = False

    @property
    def scope(self) -> str:
        """The same for the same key of a service, whichever API key of it is used."""
        return _hashed("scope", self.service, self.path, self.key)

    @property
    def digest(self) -> str:
        """The same for bodies with other spaces, orders of keys or spellings of numbers."""
        return _hashed("request", self.method, self.path, canonical_json(self.body))


@dataclass(frozen=True, slots=True)
class Answer:
    """The status and JSON of an answer, and the identifiers of the people whom it is about."""

    status: int
    body: Any
    identifier_ids: Sequence[int] = ()


def answer_once(request: KeyedRequest, work: Callable[[], Answer]) -> Answer:
    """Do the work and keep its answer, or return the answer that is kept.

    A concurrent request with the same key waits. An exception of the work keeps nothing. Raises
    KeyReused where the key came with another body.
    """
    with transaction.atomic():
        _lock(request.scope)
        known = IdempotentAnswer.objects.filter(scope=request.scope).first()
        if known is None:
            return _kept(request, work())
        if known.digest == request.digest:
            return Answer(known.status, json.loads(known.answer), known.identifier_ids)
        IdempotentAnswer.objects.filter(pk=known.pk).update(conflicts=F("conflicts") + 1)
    # Outside of the transaction, which must count it.
    if request.is_refusal:
        logger.error("A refusal was not recorded: its idempotency key was used before.")
    raise KeyReused("The idempotency key was used for another request.")


def remove_old_answers() -> int:
    """Delete the answers that are older than 30 days and return their number."""
    old = IdempotentAnswer.objects.filter(created_at__lt=database_now() - KEPT)
    return old.delete()[0]


def _kept(request: KeyedRequest, answer: Answer) -> Answer:
    IdempotentAnswer.objects.create(
        scope=request.scope,
        digest=request.digest,
        status=answer.status,
        answer=json.dumps(answer.body, ensure_ascii=False),
        identifier_ids=list(answer.identifier_ids),
    )
    return answer


def _hashed(*words: str) -> str:
    return keyed_digest(settings.DEDUPLICATION_KEY, "idempotency", *words).hex()


def _lock(scope: str) -> None:
    number = int.from_bytes(bytes.fromhex(scope[:8]), signed=True)
    with connection.cursor() as cursor:
        cursor.execute(sql.LOCK_PAIR, [_ANSWER_LOCKS, number])
