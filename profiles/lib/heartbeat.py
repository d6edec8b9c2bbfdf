"""Saying every few seconds that a worker still lives, while it computes in one long transaction."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import DatabaseError, InterfaceError, connection

logger = logging.getLogger(__name__)


@contextmanager
def heartbeat(beat: Callable[[], object], *, seconds: float) -> Iterator[None]:
    """Call `beat` every so many seconds, on a connection of its own, while the block runs.

    A beat that the database refuses is tried again at the next turn: the lease that it extends is
    longer than one.
    """
    stopped = threading.Event()
    thread = threading.Thread(target=_beat_until, args=(beat, seconds, stopped), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _beat_until(beat: Callable[[], object], seconds: float, stopped: threading.Event) -> None:
    while not stopped.wait(seconds):
        try:
            beat()
        except (DatabaseError, InterfaceError) as error:
            logger.warning("A heartbeat failed: %s", type(error).__name__)
        finally:
            # Beats are rare: a connection held between them would only be in the way.
            connection.close()
