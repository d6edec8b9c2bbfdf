"""The drain: leased rows become people, traits, events and consents, exactly once in effect.

Invariant: everything that a chunk of rows does, and the end of those rows, is one transaction. Its
messages are taken before, each in the name of its row, so that nobody waits for a repeat to be
decided. A chunk that fails is tried row by row, then message by message; a message that fails alone
is rejected and its neighbours go on.
"""

import logging
import time
from collections.abc import Sequence
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction

from ingestion.drain import checkpoints
from ingestion.drain.apply import apply_chunk, take_chunk
from ingestion.drain.chunk import Chunk, PendingMessage, read_rows
from ingestion.drain.configuration import load_configuration
from ingestion.inbox.lease import (
    LeasedRow,
    LostLease,
    extended_lease,
    finish_rows,
    hold_rows,
    lease_rows,
    release_rows,
)
from ingestion.inbox.rejected import keep_rejected, rejected_places
from profiles.lib.checkpoints import reach
from profiles.services import forget_messages, is_taken, keep_taken

logger = logging.getLogger(__name__)

# COPY raises the driver's own errors, which Django does not translate.
OPERATIONAL = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
# Classes of SQLSTATE that are no fault of a message: connection, rollback, resources, object state,
# intervention, system.
FAULTS_OF_THE_DATABASE = frozenset({"08", "40", "53", "55", "57", "58"})

# The first attempt takes a chunk, the second the row alone; from the third on messages go one by
# one.
FIRST_CAREFUL_ATTEMPT = 3


def drain_inbox(*, seconds: float = float("inf")) -> int:
    """Drain until no row is free or the time is up; return how many requests were drained."""
    deadline = time.monotonic() + seconds
    drained = 0
    while time.monotonic() < deadline:
        lease, rows = lease_rows()
        if not rows:
            break
        reach(checkpoints.LEASED)
        with extended_lease(lease):
            _drain(lease, rows)
        drained += len(rows)
    return drained


def _drain(lease: UUID, rows: Sequence[LeasedRow]) -> None:
    """Drain leased rows. Where the database itself fails, they are given back to be tried again."""
    try:
        if rows[0].attempts >= FIRST_CAREFUL_ATTEMPT:
            # A row that was tried before is always leased alone.
            _drain_one_by_one(lease, rows[0])
        else:
            _drain_together(lease, rows)
    except LostLease:
        logger.info("A lease ran out; another worker has its rows.")
    except OPERATIONAL:
        release_rows(lease)
        raise


def _is_fault_of_the_database(error: Exception) -> bool:
    """A session that ended, a deadlock, a full disk: what happens to any message alike."""
    if not isinstance(error, OPERATIONAL):
        return False
    cause = error if isinstance(error, psycopg.Error) else error.__cause__
    state = getattr(cause, "sqlstate", None)
    return state is None or state[:2] in FAULTS_OF_THE_DATABASE


def _drain_together(lease: UUID, rows: Sequence[LeasedRow]) -> None:
    try:
        _apply_and_finish(lease, read_rows(rows))
    except LostLease:
        raise
    except Exception as error:
        if _is_fault_of_the_database(error):
            raise
        # Only the type of the error is logged: its text may hold personal data.
        logger.warning("%d rows failed together: %s", len(rows), type(error).__name__)
        for row in rows:
            if len(rows) > 1:
                _drain_together(lease, [row])
            else:
                _drain_one_by_one(lease, row)


def _apply_and_finish(lease: UUID, chunk: Chunk) -> None:
    reach(checkpoints.READ)
    with transaction.atomic():
        # If the rows were taken over meanwhile, messages that were rejected there would be taken as
        # repeats of a replay.
        hold_rows(lease, chunk.row_ids)
        reach(checkpoints.HELD)
        take_chunk(chunk)
    reach(checkpoints.TAKEN)
    with transaction.atomic():
        apply_chunk(chunk, load_configuration())
        reach(checkpoints.FINISHING, lease)
        finish_rows(lease, chunk.row_ids)
        reach(checkpoints.FINISHED)


def _drain_one_by_one(lease: UUID, row: LeasedRow) -> None:
    """One message a transaction.

    At the last attempt the first message that is not done is rejected: it ended the worker.
    """
    chunk = read_rows([row])
    done = rejected_places(row.id)
    is_last_attempt = row.attempts >= settings.INBOX_MAX_ATTEMPTS
    for pending in chunk.messages:
        if pending.message.place in done or is_taken(pending.message.digest, row.id):
            continue
        if is_last_attempt:
            _reject_alone(lease, pending, "poison", "ended the worker each time it was tried")
            is_last_attempt = False
        else:
            reach(checkpoints.ALONE)
            _apply_alone(lease, chunk.alone(pending))
            reach(checkpoints.ALONE_APPLIED)
    _apply_and_finish(lease, chunk.without_messages())


def _apply_alone(lease: UUID, chunk: Chunk) -> None:
    (pending,) = chunk.messages
    try:
        with transaction.atomic():
            hold_rows(lease, chunk.row_ids)
            take_chunk(chunk)
            apply_chunk(chunk, load_configuration())
            keep_taken(pending.message.digest, pending.row.id)
    except LostLease:
        raise
    except Exception as error:
        if _is_fault_of_the_database(error):
            raise
        logger.warning("A message failed alone and is rejected: %s", type(error).__name__)
        _reject_alone(lease, pending, "failed", f"could not be stored ({type(error).__name__})")


def _reject_alone(lease: UUID, pending: PendingMessage, code: str, detail: str) -> None:
    """Keep the message where staff see it.

    It was not taken then: replayed after mending, it is no repeat.
    """
    reach(checkpoints.REJECTING_ALONE)
    with transaction.atomic():
        hold_rows(lease, [pending.row.id])
        reach(checkpoints.REJECTING_HELD)
        keep_rejected([pending.rejected(code, detail)])
        forget_messages({pending.message.digest: pending.row.id})
