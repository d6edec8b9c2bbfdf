"""Work at the same time, on connections of its own."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from threading import Barrier, Thread
from typing import Any

from django.db import connection, connections

from profiles.lib.checkpoints import handled

Work = Callable[[], object]


def at_once(*works: Work, seconds: float = 60) -> list[object]:
    """Begin all works at the same moment, wait for all, and return their results.

    Raises what the first of them raised.
    """
    ready = Barrier(len(works))
    runs = [_Run(work, ready) for work in works]
    for run in runs:
        run.thread.start()
    for run in runs:
        run.thread.join(seconds)
        assert not run.thread.is_alive(), "it hangs"
    for run in runs:
        if run.fault is not None:
            raise run.fault
    return [run.result for run in runs]


class _Run:
    """One thread, and what came of it."""

    def __init__(self, work: Work, ready: Barrier) -> None:
        self.result: object = None
        self.fault: BaseException | None = None
        self._work = work
        self._ready = ready
        self.thread = Thread(target=self._run)

    def _run(self) -> None:
        try:
            self._ready.wait(10)
            self.result = self._work()
        except BaseException as fault:
            self.fault = fault
        finally:
            connections.close_all()


def for_seconds(seconds: float, work: Work) -> Work:
    """The work again and again."""

    def repeat() -> int:
        times, deadline = 0, time.monotonic() + seconds
        while time.monotonic() < deadline:
            work()
            times += 1
        return times

    return repeat


def pausing(done: Callable[..., Any], pause: Callable[[], object], *, first: bool) -> Any:
    """The function, with a pause before or after it, the first time that it is called."""
    pauses = [pause]

    def paused(*arguments: Any, **more: Any) -> Any:
        if first and pauses:
            pauses.pop()()
        found = done(*arguments, **more)
        if pauses:
            pauses.pop()()
        return found

    return paused


@contextmanager
def once_at(checkpoint: str, work: Callable[[Any], object]) -> Iterator[None]:
    """Do the work the first time that the checkpoint is reached, with its subject; it must be reached."""
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
    """In a process of its own: work, and be killed with -9 at the checkpoint, the first time that its subject fits."""
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
    """Whether some session of this database waits for a lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock')"
        )
        return bool(cursor.fetchone()[0])
