"""How much memory the embedded PostgreSQL takes.

Invariant: its buffers take at most a quarter of the machine's memory.
"""

import os
from pathlib import Path

MEBIBYTE = 1024 * 1024
# Of control groups version 2 and 1.
CONTAINER_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  (asked for its size only)


def available_mebibytes() -> int:
    """Return the memory of the machine, or of the container if that is less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    # A control group without a limit says "max", which is no number.
    limits = [int(text) for path in CONTAINER_LIMITS if (text := _first_line(path)).isdigit()]
    return min([machine, *limits]) // MEBIBYTE


def memory_settings(mebibytes: int) -> dict[str, str]:
    """Return PostgreSQL's settings for a machine that also runs web and workers."""
    megabytes = {
        "shared_buffers": min(512, mebibytes // 4),
        "effective_cache_size": min(2048, mebibytes // 2),
        "maintenance_work_mem": min(256, mebibytes // 16),
        "work_mem": min(32, mebibytes // 128),
    }
    return {name: f"{max(amount, 2)}MB" for name, amount in megabytes.items()}


def shared_memory_settings() -> dict[str, str]:
    """Return the settings that move shared memory into files where there is little of it."""
    if not SHARED_MEMORY.is_dir():
        return {}
    file_system = os.statvfs(SHARED_MEMORY)
    # Containers often have 64 MB, which one parallel hash join may exceed.
    is_small = file_system.f_frsize * file_system.f_blocks < 512 * MEBIBYTE
    return {"dynamic_shared_memory_type": "mmap"} if is_small else {}


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""
