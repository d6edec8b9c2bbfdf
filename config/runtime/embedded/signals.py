"""Deferring the signals that would end a process while it starts or stops a server."""

import contextlib
import signal
import threading
from collections.abc import Iterator

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Hold back ending signals within the block, and deliver them after it.

    A process that ended halfway through a start would leave a server that nobody stops.
    """
    # Python handles signals in the main thread only, so that no other thread is interrupted.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[int] = []
    previous = {
        ending: signal.signal(ending, lambda number, _: caught.append(number))
        for ending in ENDING_SIGNALS
        # Ignored signals stay ignored. A handler that was not set by Python cannot be put back.
        if signal.getsignal(ending) not in (signal.SIG_IGN, None)
    }
    try:
        yield
    finally:
        for ending, handler in previous.items():
            signal.signal(ending, handler)
        for number in caught:
            signal.raise_signal(number)
