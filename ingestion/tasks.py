"""Celery tasks of ingestion."""

from celery import shared_task

from ingestion.inbox.accept import DRAIN
from ingestion.services import drain_inbox
from profiles.lib.change_queue import answer_nudge, nudge

# A task that drains for ever would keep its worker from a soft shutdown.
DRAIN_SECONDS = 20


@shared_task(name=DRAIN)
def drain_inbox_task() -> None:
    """Drain the inbox for some seconds, and continue in another task if it is not empty."""
    # First, so that whoever commits from now on sends a new nudge.
    answer_nudge(DRAIN)
    if drain_inbox(seconds=DRAIN_SECONDS):
        nudge(DRAIN)
