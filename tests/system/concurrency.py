"""Running functions at the same time, and stopping or killing them at a checkpoint."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from threading import Barrier, Thread
from typing import Any

from django.db import connections

from profiles.lib.checkpoints import handled
from tests.owner import owner_cursor

Work = Callable[[], object]


def at_once(*works: Work, seconds: float = 60) -> list[object]:
    """Run all functions at the same time, each in a thread, and return their results.

    Raises the exception of the first one that failed. Each thread has a database connection of its
    own.
    """
    ready = Barrier(len(works))
    runs = [_Run(work, ready) for work in works]
    for run in runs:
        run.thread.start()
    for run in runs:
        run.thread.join(seconds)
        assert not run.thread.is_alive(), "a thread hangs"
    for run in runs:
        if run.error is not None:
            raise run.error
    return [run.result for run in runs]


class _Run:
    """One thread, and its result or error."""

    def __init__(self, work: Work, ready: Barrier) -> None:
        self.result: object = None
        self.error: BaseException | None = None
        self._work = work
        self._ready = ready
        self.thread = Thread(target=self._run)

    def _run(self) -> None:
        try:
            self._ready.wait(10)
            self.result = self._work()
        except BaseException as error:
            # Raised again in the thread of the test.
            self.error = error
        finally:
            connections.close_all()


def repeat_for(seconds: float, work: Work) -> Work:
    """Return a function that repeats the work for so long, and returns how often it did."""

    def repeat() -> int:
        times, deadline = 0, time.monotonic() + seconds
        while time.monotonic() < deadline:
            work()
            times += 1
        return times

    return repeat


def pausing(function: Callable[..., Any], pause: Callable[[], object], *, first: bool) -> Any:
    """Return the function with a pause before it, or after it, when it is called the first time."""
    pauses = [pause]

    def paused(*arguments: Any, **more: Any) -> Any:
        if first and pauses:
            pauses.pop()()
        result = function(*arguments, **more)
        if pauses:
            pauses.pop()()
        return result

    return paused


@contextmanager
def once_at(checkpoint: str, work: Callable[[Any], object]) -> Iterator[None]:
    """Do the work, with the checkpoint's subject, when it is reached the first time.

    Fails if the checkpoint is not reached within the block.
    """
    works = [work]

    def handle(subject: Any) -> None:
        if works:
            works.pop()(subject)

    with handled(checkpoint, handle):
        yield
    assert not works, f"{checkpoint} was not reached"


def die_at(
    checkpoint: str, work: Work, *, when: Callable[[Any], bool] = lambda subject: True
) -> None:
    """Work in another process that kills itself with -9 at the checkpoint.

    `when` says for which subject of the checkpoint.
    """
    # The fork must not share the connections.
    connections.close_all()

    def kill(subject: Any) -> None:
        if when(subject):
            os.kill(os.getpid(), signal.SIGKILL)

    def run() -> None:
        with handled(checkpoint, kill):
            work()

    worker = get_context("fork").Process(target=run)
    worker.start()
    worker.join(30)
    assert worker.exitcode == -signal.SIGKILL, checkpoint


def is_anybody_waiting() -> bool:
    """Return whether a session of this database waits for a lock."""
    # What others wait for is the owner's to see.
    with owner_cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock')"
        )
        return bool(cursor.fetchone()[0])
