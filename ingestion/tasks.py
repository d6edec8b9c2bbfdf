"""Background work of ingestion: nothing in, one service call out."""

from celery import shared_task

from ingestion.inbox.accept import DRAIN
from ingestion.services import drain_inbox
from profiles.lib.change_queue import answer_nudge, nudge

# A task that drains for ever would keep a worker from stopping softly.
DRAIN_SECONDS = 20


@shared_task(name=DRAIN)
def drain_inbox_task() -> None:
    """Drain what is in the inbox; if it does not end in time, have another task go on."""
    answer_nudge(DRAIN)
    if drain_inbox(seconds=DRAIN_SECONDS):
        nudge(DRAIN)
