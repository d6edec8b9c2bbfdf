"""The lock that lets one `serve` run per data directory.

Invariant: the lock is held as long as serve or its supervisor lives, since both have it open. The
system drops it when the last of them ends.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from config.runtime.embedded import StartError, locks

ENDING_SECONDS = 60


@contextlib.contextmanager
def only_run(data_directory: Path, *, say: Callable[[str], None]) -> Iterator[int]:
    """Hold the lock within the block and give its descriptor.

    Waits while the supervisor of a killed serve ends its programs. Raises StartError if another
    serve runs.
    """
    data_directory.mkdir(parents=True, exist_ok=True)
    descriptor = locks.open_lock(data_directory / "serve.lock")
    try:
        _acquire(descriptor, say)
        # For the message of the next one that finds the lock taken.
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode("ascii"), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, say: Callable[[str], None]) -> None:
    if locks.try_exclusive(descriptor):
        return
    holder = os.pread(descriptor, 32, 0).decode("ascii")
    if holder.isdigit() and _is_alive(int(holder)):
        raise StartError(
            f"already running here as process {holder}; Ctrl-C there or `kill {holder}` ends it."
        )
    # Its serve is gone, so only the supervisor can hold the lock, and that ends with its parent.
    say(f"Process {holder} was killed; waiting for what it started to end …")
    deadline = time.monotonic() + ENDING_SECONDS
    while not locks.try_exclusive(descriptor):
        if time.monotonic() > deadline:
            raise StartError("an earlier run does not end; see supervisord.pid in DATA_DIR.")
        time.sleep(0.2)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        # The process exists and belongs to another user.
        return True
    return True
