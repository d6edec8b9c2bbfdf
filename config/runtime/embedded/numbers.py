"""Files that hold the number of a server's process, which outlive it when it is killed."""

import os
from pathlib import Path


def is_stale(number_file: Path, program: str) -> bool:
    """Whether the file names a process that is not, or is no longer, this program: a zombie counts as gone, and after
    a restart of the machine the number may be another program's."""
    try:
        pid = int(number_file.read_text(encoding="utf-8").split("\n")[0])
    except (OSError, ValueError):
        return False
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return not _answers(pid)
    name, _, rest = status.partition("(")[2].rpartition(")")
    return name != program[:15] or rest.split()[0] == "Z"


def _answers(pid: int) -> bool:
    """Where there is no /proc."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
