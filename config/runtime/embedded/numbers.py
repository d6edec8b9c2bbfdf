"""PID files of servers, which stay behind when a server is killed."""

import os
from pathlib import Path


def is_stale(pid_file: Path, program: str) -> bool:
    """Return whether the file's process has ended, or is another program than this one.

    A missing or unreadable file is not stale.
    """
    try:
        pid = int(pid_file.read_text(encoding="utf-8").split("\n")[0])
    except (OSError, ValueError):
        return False
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return not _is_alive(pid)
    # The format is `pid (name) state …`, and the name may itself contain parentheses.
    name, _, rest = status.partition("(")[2].rpartition(")")
    # After a restart of the machine the PID may be another program's. The kernel cuts names at 15
    # bytes. A zombie (Z) has ended, and only waits for its parent.
    return name != program[:15] or rest.split()[0] == "Z"


def _is_alive(pid: int) -> bool:
    """Return whether the process exists, on systems without /proc."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        # The process exists and belongs to another user.
        return True
    return True
