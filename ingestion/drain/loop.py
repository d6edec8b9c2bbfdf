"""The drain: leased rows become people, traits, events and consents, exactly once in effect.

Invariant: everything that a chunk of rows does, and the end of those rows, is one transaction. Its
messages are taken before, each in the name of its row, so that nobody waits for a repeat to be
decided. A chunk that fails is tried row by row, then message by message; a message that is at fault
is rejected, one that fails unexpectedly is tried again later, and its neighbours go on. Rows that
were tried before take no more of the time than new ones.
"""

import logging
import time
from collections.abc import Callable, Sequence
from uuid import UUID

from django.conf import settings
from django.db import transaction

from consent.services import SuppressionKeyMissing, awaits_replay
from ingestion.drain import checkpoints
from ingestion.drain.apply import apply_chunk, take_chunk
from ingestion.drain.chunk import Chunk, PendingMessage, read_rows
from ingestion.drain.configuration import load_configuration
from ingestion.drain.faults import (
    OPERATIONAL,
    TooManyFaults,
    UnexpectedFaults,
    error_name,
    is_fault_of_a_message,
    is_fault_of_the_database,
    is_fault_of_the_product,
)
from ingestion.drain.pauses import drain_is_paused, end_pause, pause_drain, take_probe
from ingestion.drain.refusals import keep_refusals, refused_places
from ingestion.forbidden_names import load_forbidden
from ingestion.inbox.lease import (
    LeasedRow,
    LostLease,
    count_ended,
    extended_lease,
    finish_rows,
    hold_rows,
    lease_any_row,
    lease_late_row,
    lease_rows,
    note_ended,
    postpone_row,
    release_rows,
)
from ingestion.inbox.rejected import RowRejection
from ingestion.messages import ForbiddenBySource, Rejection
from profiles.lib.checkpoints import reach
from profiles.services import forget_messages, is_taken, keep_taken

logger = logging.getLogger(__name__)

# A row is tried within a chunk first, and message by message from the third attempt on.
FIRST_CAREFUL_ATTEMPT = 3
Lease = Callable[[], tuple[UUID, list[LeasedRow]]]
_faults = UnexpectedFaults()  # of this process, which drains in one thread


def drain_inbox(*, seconds: float = float("inf")) -> int:
    """Drain until no row is due or the time is up; return how many requests were tried."""
    if awaits_replay():
        # Who is erased is not known any more.
        return 0
    deadline = time.monotonic() + seconds
    tried = 0
    while time.monotonic() < deadline:
        if drain_is_paused() and not _probe():
            break
        started = time.monotonic()
        count = _drain_next(lease_rows, _faults)
        # What was tried before gets as long as what is new, and one row at least.
        late_until = time.monotonic() + (time.monotonic() - started if count else 0)
        count += _drain_late(late_until)
        if not count:
            break
        tried += count
    return tried


def _drain_late(until: float) -> int:
    count = tried = _drain_next(lease_late_row, _faults)
    while count and time.monotonic() < until:
        count = _drain_next(lease_late_row, _faults)
        tried += count
    return tried


def _probe() -> bool:
    """Try one row while the drain is paused, and end the pause if it can be drained."""
    if not take_probe():
        return False
    _drain_next(lease_any_row, UnexpectedFaults(allowed=0), on_success=end_pause)
    return not drain_is_paused()


def _drain_next(
    lease_next: Lease, faults: UnexpectedFaults, on_success: Callable[[], None] | None = None
) -> int:
    """Drain what the lease gives; return the number of its rows."""
    lease, rows = lease_next()
    if rows:
        reach(checkpoints.LEASED)
        with extended_lease(lease):
            is_drained = _drain(lease, rows, faults)
        if is_drained and on_success:
            on_success()
    elif on_success:
        on_success()
    return len(rows)


def _drain(lease: UUID, rows: Sequence[LeasedRow], faults: UnexpectedFaults) -> bool:
    """Drain leased rows. Where they are not at fault, they are given back to be tried again."""
    faults.begin_chunk()
    try:
        if rows[0].attempts >= FIRST_CAREFUL_ATTEMPT:
            # A row that was tried before is always leased alone.
            _drain_one_by_one(lease, rows[0], faults)
        else:
            _drain_together(lease, rows, faults)
    except LostLease:
        logger.info("A lease ran out; another worker has its rows.")
    except OPERATIONAL:
        release_rows(lease)
        raise
    except Exception as error:
        if not (isinstance(error, TooManyFaults) or is_fault_of_the_product(error)):
            raise
        release_rows(lease, [row.id for row in rows])
        pause_drain(error.error_type if isinstance(error, TooManyFaults) else error_name(error))
        return False
    return True


def _drain_together(lease: UUID, rows: Sequence[LeasedRow], faults: UnexpectedFaults) -> None:
    try:
        chunk = read_rows(rows, load_forbidden())
        _apply_and_finish(lease, chunk)
        faults.add_drained(len(chunk.messages))
    except LostLease:
        raise
    except Exception as error:
        if is_fault_of_the_database(error) or is_fault_of_the_product(error):
            raise
        # Only the type of the error is logged: its text may hold personal data.
        logger.warning("%d rows failed together: %s", len(rows), type(error).__name__)
        _stop_without_suppression_key(error)
        for row in rows:
            if len(rows) > 1:
                _drain_together(lease, [row], faults)
            else:
                _drain_one_by_one(lease, row, faults)


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


def _drain_one_by_one(lease: UUID, row: LeasedRow, faults: UnexpectedFaults) -> None:
    """One message a transaction.

    At the last attempt the first message that is not done is rejected: it ended the worker.
    """
    forbidden = load_forbidden()
    try:
        chunk = read_rows([row], forbidden)
    except Exception as error:
        _give_up_reading(lease, row, error, faults, forbidden)
        return
    done = refused_places(row)
    may_be_poison = row.attempts >= settings.INBOX_MAX_ATTEMPTS
    is_finished = True
    for pending in chunk.messages:
        if pending.message.place in done or is_taken(pending.message.digest, row.id):
            continue
        if may_be_poison:
            _reject_alone(lease, pending, "poison", "could not be drained, however often tried")
            may_be_poison = False
        else:
            reach(checkpoints.ALONE)
            is_finished &= _apply_alone(lease, chunk.alone(pending), faults)
            reach(checkpoints.ALONE_APPLIED)
    if is_finished:
        # The others were taken before, by this request or by another.
        repeats = len(chunk.messages) - count_ended(row.id)
        chunk.repeats = chunk.messages[:repeats]
        _apply_and_finish(lease, chunk.without_messages())
    else:
        postpone_row(lease, row.id)


def _give_up_reading(
    lease: UUID,
    row: LeasedRow,
    error: Exception,
    faults: UnexpectedFaults,
    forbidden: ForbiddenBySource,
) -> None:
    """Try a row again later that cannot be read at all, and reject it after all attempts."""
    logger.warning("A request could not be read: %s", type(error).__name__)
    faults.add(error)
    if row.attempts < settings.INBOX_MAX_ATTEMPTS:
        postpone_row(lease, row.id)
        return
    detail = f"could not be read ({type(error).__name__})"
    content = forbidden.of(row.source_id).kept(row.body.content)
    fault = Rejection(0, "", row.body.type, "failed", "", detail, content)
    _apply_and_finish(lease, Chunk([row], [], [RowRejection(row, fault)]))


def _apply_alone(lease: UUID, chunk: Chunk, faults: UnexpectedFaults) -> bool:
    """Return whether the message is done with: it took effect, or was rejected."""
    (pending,) = chunk.messages
    try:
        with transaction.atomic():
            hold_rows(lease, chunk.row_ids)
            take_chunk(chunk)
            if chunk.messages:
                note_ended(pending.row.id)
            # Counted when the row is finished, since they are found again at each attempt.
            chunk.repeats.clear()
            apply_chunk(chunk, load_configuration())
            keep_taken(pending.message.digest, pending.row.id)
    except LostLease:
        raise
    except Exception as error:
        if is_fault_of_the_database(error) or is_fault_of_the_product(error):
            raise
        logger.warning("A message failed alone: %s", type(error).__name__)
        _stop_without_suppression_key(error)
        if not is_fault_of_a_message(error):
            faults.add(error)
            return False
        _reject_alone(lease, pending, "failed", f"could not be stored ({type(error).__name__})")
    return True


def _stop_without_suppression_key(error: Exception) -> None:
    if isinstance(error, SuppressionKeyMissing):
        # Erased people would come back with the first message.
        raise TooManyFaults(type(error).__name__) from error


def _reject_alone(lease: UUID, pending: PendingMessage, code: str, detail: str) -> None:
    """Keep the message where staff see it.

    It was not taken then: replayed after mending, it is no repeat.
    """
    reach(checkpoints.REJECTING_ALONE)
    with transaction.atomic():
        hold_rows(lease, [pending.row.id])
        reach(checkpoints.REJECTING_HELD)
        keep_refusals([pending.rejected(code, detail)])
        note_ended(pending.row.id)
        forget_messages({pending.message.digest: pending.row.id})
