"""How much of the machine's memory the embedded PostgreSQL takes: at most a quarter for its buffers."""

import os
from pathlib import Path

MEBIBYTE = 1024 * 1024
CONTAINER_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  (asked for its size only)


def available_mebibytes() -> int:
    """The machine's memory, or the container's where that is less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [int(text) for path in CONTAINER_LIMITS if (text := _first_line(path)).isdigit()]
    return min([machine, *limits]) // MEBIBYTE


def memory_settings(mebibytes: int) -> dict[str, str]:
    """PostgreSQL's settings for a machine of so much memory, which it shares with web and workers."""
    megabytes = {
        "shared_buffers": min(512, mebibytes // 4),
        "effective_cache_size": min(2048, mebibytes // 2),
        "maintenance_work_mem": min(256, mebibytes // 16),
        "work_mem": min(32, mebibytes // 128),
    }
    return {name: f"{max(amount, 2)}MB" for name, amount in megabytes.items()}


def shared_memory_settings() -> dict[str, str]:
    """Containers often have 64 MB of shared memory, which a parallel hash join overflows: files serve as well."""
    if not SHARED_MEMORY.is_dir():
        return {}
    found = os.statvfs(SHARED_MEMORY)
    is_small = found.f_frsize * found.f_blocks < 512 * MEBIBYTE
    return {"dynamic_shared_memory_type": "mmap"} if is_small else {}


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""
