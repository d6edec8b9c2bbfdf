"""Noting acts for the journal, in their own transaction, and giving them to the file after it.

Invariant: an act is in the file before the call that did it returns, or it stays in the database
to be given by the next call or the sweep.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import transaction

from consent.journal import state
from consent.models import JournalEntry

logger = logging.getLogger(__name__)
_is_replaying: ContextVar[bool] = ContextVar("is_replaying", default=False)


class Act(StrEnum):
    """What a line of the journal is about."""

    ERASURE = "erasure"
    RESTRICTION = "restriction"
    CONSENT = "consent"  # a refusal, withdrawal, invalidation or objection
    HOLD = "hold"  # a legal hold is placed
    HOLD_REVIEWED = "hold_reviewed"  # it has another day of review
    HOLD_LIFTED = "hold_lifted"


# They name a hold, whoever is left of the people that it is on.
_OF_HOLDS = (Act.HOLD_REVIEWED, Act.HOLD_LIFTED)


@dataclass(frozen=True, slots=True)
class Note:
    """An act about identifiers, named by keyed digests, at its own time.

    `fields` are what the replay of the act needs beside.
    """

    act: Act
    digests: Sequence[bytes]
    at: datetime
    fields: Mapping[str, Any] = field(default_factory=dict)


def note(notes: Sequence[Note], *, key_id: str, version: int) -> None:
    """Note acts in the caller's transaction.

    `key_id` and `version` are those of the chain and the normaliser that the digests were made by.
    """
    if state.journal() is None or _is_replaying.get() or not notes:
        return
    made_by = {"key": key_id, "version": version}
    JournalEntry.objects.bulk_create(
        [
            JournalEntry(
                line={
                    "act": each.act.value,
                    "digests": [digest.hex() for digest in each.digests],
                    "at": each.at.isoformat(),
                    **made_by,
                    **each.fields,
                }
            )
            for each in notes
            # Of whoever is erased by now there is none.
            if each.digests or each.act in _OF_HOLDS
        ],
        batch_size=1000,
    )
    transaction.on_commit(give_to_file, robust=True)


@contextmanager
def replaying() -> Iterator[None]:
    """Note nothing while the block lasts: what is replayed is in the file."""
    token = _is_replaying.set(True)
    try:
        yield
    finally:
        _is_replaying.reset(token)


def give_to_file() -> int:
    """Append to the file what it does not have yet, and return how many lines that were.

    While the database awaits a replay nothing is appended, or the loss could not be seen any more.
    """
    journal = state.journal()
    if journal is None or not JournalEntry.objects.filter(seq=None).exists():
        return 0
    with journal.locked():
        if state.is_behind():
            return 0
        # Under the lock of the file, so that no other process gives the same ones.
        waiting = list(JournalEntry.objects.filter(seq=None))
        first = journal.last_seq() + 1
        for seq, entry in enumerate(waiting, first):
            entry.seq = seq
        journal.append([{"seq": each.seq, "id": str(each.pk), **each.line} for each in waiting])
        with transaction.atomic():
            JournalEntry.objects.bulk_update(waiting, ["seq"], batch_size=1000)
            JournalEntry.objects.filter(seq__lt=first + len(waiting) - 1).delete()
    return len(waiting)
