"""The drain: leased rows become people, traits, events and consents, exactly once in effect.

Invariant: everything that a chunk of rows does, and the end of those rows, is one transaction. Its messages are taken before,
each in the name of its row, so that nobody waits for a repeat to be decided. A chunk that fails is tried row by row, then
message by message; a message that fails alone is rejected and its neighbours go on.
"""

import logging
import time
from collections.abc import Sequence
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction

from ingestion.drain.apply import apply_messages, take_fresh
from ingestion.drain.chunk import RowMessages, load_configuration
from ingestion.inbox.lease import (
    LeasedRow,
    LostLease,
    extended_lease,
    finish_rows,
    hold_rows,
    lease_rows,
    release_rows,
)
from ingestion.inbox.rejected import reject, rejected_places
from ingestion.messages import (
    BadRequest,
    Message,
    Rejection,
    RequestFacts,
    read_messages,
    split_request,
)
from profiles.lib.change_queue import nudge
from profiles.services import forget_messages, is_taken, keep_taken

logger = logging.getLogger(__name__)

# In COPY the driver's own errors, which Django does not translate.
OPERATIONAL = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
# Connection, rollback, resources, object state, intervention, system: classes of SQLSTATE that are no fault of a message.
FAULTS_OF_THE_DATABASE = frozenset({"08", "40", "53", "55", "57", "58"})

# The first attempt takes a chunk, the second the row alone; from the third on messages go one by one.
FIRST_CAREFUL_ATTEMPT = 3


def drain_inbox(*, seconds: float = float("inf")) -> int:
    """Drain until the inbox has no free row or the time is up; return how many requests were drained."""
    deadline = time.monotonic() + seconds
    drained = 0
    while time.monotonic() < deadline:
        lease, rows = lease_rows()
        if not rows:
            break
        with extended_lease(lease):
            _drain(lease, rows)
        drained += len(rows)
    return drained


def _drain(lease: UUID, rows: Sequence[LeasedRow]) -> None:
    """Drain leased rows. Where the database itself fails, they are given back to be tried again."""
    try:
        if rows[0].attempts >= FIRST_CAREFUL_ATTEMPT:
            _drain_carefully(lease, rows[0])
        else:
            _drain_together(lease, rows)
    except LostLease:
        logger.info("A lease ran out; another worker has its rows.")
    except OPERATIONAL:
        release_rows(lease)
        raise


def _is_fault_of_the_database(error: Exception) -> bool:
    """A session that ended, a deadlock, a full disk: whatever happens to any message alike."""
    if not isinstance(error, OPERATIONAL):
        return False
    cause = error if isinstance(error, psycopg.Error) else error.__cause__
    state = getattr(cause, "sqlstate", None)
    return state is None or state[:2] in FAULTS_OF_THE_DATABASE


def _drain_together(lease: UUID, rows: Sequence[LeasedRow]) -> None:
    try:
        _apply_and_finish(lease, [_read(row) for row in rows])
    except LostLease:
        raise
    except Exception as error:
        if _is_fault_of_the_database(error):
            raise
        # Whatever a message can provoke ends here; its text may hold personal data and is not logged.
        logger.warning("%d rows failed together: %s", len(rows), type(error).__name__)
        for row in rows:
            if len(rows) > 1:
                _drain_together(lease, [row])
            else:
                _drain_carefully(lease, row)


def _apply_and_finish(lease: UUID, batches: Sequence[RowMessages]) -> None:
    row_ids = [batch.row.id for batch in batches]
    with transaction.atomic():
        # Taken too late, messages that were rejected meanwhile would be repeats when they are replayed.
        hold_rows(lease, row_ids)
        fresh = take_fresh(batches)
    with transaction.atomic():
        apply_messages(batches, fresh, load_configuration())
        finish_rows(lease, row_ids)
    nudge("segments.refresh_changed")


def _drain_carefully(lease: UUID, row: LeasedRow) -> None:
    """One message a transaction. What was killed at the last attempt is the first that is not done: it is rejected."""
    batch = _read(row)
    done = rejected_places(row.id)
    is_last_attempt = row.attempts >= settings.INBOX_MAX_ATTEMPTS
    for message in batch.messages:
        if message.place in done:
            continue
        alone = batch.alone(message)
        if is_taken(message.digest, row.id):
            continue
        if is_last_attempt:
            _reject_alone(
                lease, alone, message, "poison", "ended the worker each time it was tried"
            )
            is_last_attempt = False
            continue
        _apply_alone(lease, alone, message)
    _apply_and_finish(lease, [batch.without_messages()])


def _apply_alone(lease: UUID, batch: RowMessages, message: Message) -> None:
    try:
        with transaction.atomic():
            hold_rows(lease, [batch.row.id])
            apply_messages([batch], take_fresh([batch]), load_configuration())
            keep_taken(message.digest, batch.row.id)
    except LostLease:
        raise
    except Exception as error:
        if _is_fault_of_the_database(error):
            raise
        logger.warning("A message failed alone and is rejected: %s", type(error).__name__)
        detail = f"could not be stored ({type(error).__name__})"
        _reject_alone(lease, batch, message, "failed", detail)


def _reject_alone(
    lease: UUID, batch: RowMessages, message: Message, code: str, detail: str
) -> None:
    """Keep it where somebody can see it. It was not taken then: replayed after mending, it is no repeat."""
    with transaction.atomic():
        hold_rows(lease, [batch.row.id])
        reject([batch.rejected(message, code, detail)])
        forget_messages({message.digest: batch.row.id})


def _read(row: LeasedRow) -> RowMessages:
    """What an inbox row says. It was judged when it was accepted, so that it opens again."""
    arrived = RequestFacts(row.id, row.source_id, row.received_at, settings.DEFAULT_PHONE_REGION)
    type_, _, body = row.body.partition(b"\n")
    try:
        envelope = split_request(body, type_.decode())
    except BadRequest as fault:
        whole = Rejection(0, "", "", "invalid_request", "", str(fault), body)
        return RowMessages(row, [], [whole])
    key = settings.DEDUPLICATION_KEY.encode()
    messages: list[Message] = []
    rejections: list[Rejection] = []
    for read in read_messages(envelope, arrived, key):
        if isinstance(read, Message):
            messages.append(read)
        else:
            rejections.append(read)
    return RowMessages(row, messages, rejections)
