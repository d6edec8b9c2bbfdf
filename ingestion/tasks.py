"""Celery tasks of ingestion."""

from celery import shared_task

from ingestion.inbox.accept import DRAIN
from ingestion.services import drain_inbox
from ingestion.services import prune_counts as prune_old_counts
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


@shared_task(name="ingestion.prune_counts")
def prune_counts() -> None:
    """Delete what the figures and the live view of sources no longer show."""
    prune_old_counts()
