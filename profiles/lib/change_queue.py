"""The queue of profiles to evaluate again, and the nudges that wake workers early."""

import contextlib
import logging
from collections.abc import Iterable

from celery import current_app
from django.db import connection, transaction
from kombu.exceptions import OperationalError
from redis import RedisError

from profiles.lib import sql
from profiles.lib.database import array_of
from profiles.lib.valkey import valkey

# The task of `segments` that empties the queue. Apps above are known here by the names of their
# tasks alone.
REFRESH_CHANGED = "segments.refresh_changed"
# A nudge that nobody answers in this time is sent again.
NUDGE_SECONDS = 1
logger = logging.getLogger(__name__)


def mark_changed(profile_ids: Iterable[int]) -> None:
    """Have the segments of these profiles evaluated again.

    Called in the transaction that changed them.
    """
    ids = sorted(set(profile_ids))
    if ids:
        with connection.cursor() as cursor:
            cursor.execute(sql.MARK_CHANGED, [array_of(ids)])
        nudge(REFRESH_CHANGED)


def mark_changes(kind: str, changes: Iterable[tuple[int, str]]) -> None:
    """The same for pairs of a profile and what a change of this kind is about.

    `kind` is one of `ProfileChange.Kind`. Whoever keeps the segments may tell others of it.
    """
    rows = sorted(set(changes))
    if rows:
        with connection.cursor() as cursor:
            references = [reference for _, reference in rows]
            ids = array_of(profile_id for profile_id, _ in rows)
            cursor.execute(sql.MARK_CHANGES_OF_KIND, [kind, ids, references])
        nudge(REFRESH_CHANGED)


def nudge(task: str) -> None:
    """Wake a worker once the transaction is committed.

    May be lost, since a sweep finds the rows all the same.
    """
    transaction.on_commit(lambda: _send(task))


def answer_nudge(task: str) -> None:
    """Called by a task before it reads anything, so that every commit from now on nudges again."""
    with contextlib.suppress(RedisError, OSError):
        if client := valkey():
            client.delete(f"nudge:{task}")


def _send(task: str) -> None:
    try:
        # One message for all nudges that the task has not answered yet: a busy inbox must not flood
        # the broker.
        client = valkey()
        if client is None or client.set(f"nudge:{task}", 1, nx=True, ex=NUDGE_SECONDS):
            current_app.send_task(task, expires=30, retry=False, ignore_result=True)
    except (OperationalError, RedisError, OSError):
        logger.warning("The broker took no nudge for %s; the sweep will find the rows.", task)
