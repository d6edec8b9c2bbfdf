"""`tied.py PROGRAM …`: run the program so that it is told to end when its parent is gone, even by kill -9.

Where the system has no such thing (not Linux), it stays. Run by its path and importing nothing of ours, so as to be quick.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
# Who the parent is: it may have ended before this process could ask to be told.
PARENT_VARIABLE = "TESSERA_PARENT_PID"


def end_with_parent(number: signal.Signals) -> None:
    """Have the kernel send this process a signal once its parent is gone. Survives exec, not fork."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)


def main() -> None:
    end_with_parent(signal.SIGTERM)
    parent = os.environ.get(PARENT_VARIABLE, "")
    if parent and int(parent) != os.getppid():
        sys.exit(1)
    os.environ[PARENT_VARIABLE] = str(os.getpid())
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606


if __name__ == "__main__":
    main()
