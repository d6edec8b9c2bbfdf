"""`tied.py PROGRAM …`: run a program that ends when its parent ends, even by kill -9.

Invariant: it imports nothing of the project and is run by its path, so that it starts fast.
"""

import ctypes
import os
import signal
import sys

# From <linux/prctl.h>.
PR_SET_PDEATHSIG = 1
PARENT_VARIABLE = "TESSERA_PARENT_PID"


def end_with_parent(number: signal.Signals) -> None:
    """Let the kernel send this process a signal once its parent has ended.

    The setting survives exec and not fork. Systems other than Linux have none, so there the process
    outlives its parent.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)


def main() -> None:
    end_with_parent(signal.SIGTERM)
    # A parent that ended before the call above sends no signal. It is not the parent any more.
    parent = os.environ.get(PARENT_VARIABLE, "")
    if parent and int(parent) != os.getppid():
        sys.exit(1)
    os.environ[PARENT_VARIABLE] = str(os.getpid())
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606


if __name__ == "__main__":
    main()
