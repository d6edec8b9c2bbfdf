"""Celery tasks of ingestion."""

import time

from celery import shared_task

from ingestion.imports.uploads import READ_IMPORTS
from ingestion.inbox.accept import DRAIN
from ingestion.services import (
    drain_inbox,
    expire_imports,
    expire_sql_runs,
    prune_amounts,
    read_next_import,
    read_next_sql_source,
)
from ingestion.services import prune_counts as prune_old_counts
from profiles.lib.change_queue import answer_nudge, nudge
from profiles.lib.database import database_now
from profiles.services import fold_tallies, prune_schema

# A task that drains for ever would keep its worker from a soft shutdown.
DRAIN_SECONDS = 20
# Each time a file is read on, its beginning is read again, only to count equal rows.
READ_SECONDS = 60


@shared_task(name=DRAIN)
def drain_inbox_task() -> None:
    """Drain the inbox for some seconds, and continue in another task if it is not empty."""
    # First, so that whoever commits from now on sends a new nudge.
    answer_nudge(DRAIN)
    if drain_inbox(seconds=DRAIN_SECONDS):
        nudge(DRAIN)


@shared_task(name=READ_IMPORTS)
def read_imports() -> None:
    """Read a file that waits to be imported for a while, and continue in another task."""
    answer_nudge(READ_IMPORTS)
    if read_next_import(drain_inbox, seconds=READ_SECONDS):
        nudge(READ_IMPORTS)


@shared_task(name="ingestion.read_sql_sources")
def read_sql_sources() -> None:
    """Read the SQL sources that are due, each for a while, until the time of this task is over."""
    deadline = time.monotonic() + READ_SECONDS
    while (seconds := deadline - time.monotonic()) > 0 and read_next_sql_source(seconds=seconds):
        pass


@shared_task(name="ingestion.expire_imports")
def expire_old_imports() -> None:
    """Delete files that nobody started, and refused rows and runs whose time is over."""
    expire_imports()
    expire_sql_runs(now=database_now())


@shared_task(name="ingestion.prune_counts")
def prune_counts() -> None:
    """Delete what the figures and the live view of sources no longer show, and old orders."""
    prune_old_counts()
    prune_amounts()
    prune_schema(now=database_now())


@shared_task(name="ingestion.fold_schema")
def fold_schema() -> None:
    """Add what was counted of messages' properties and traits to the registry."""
    fold_tallies()
