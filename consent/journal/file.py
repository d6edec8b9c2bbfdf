"""The file of the journal: one JSON object a line, each with its number, and only ever appended to.

Invariant: what `append` has returned is on the disk. A line that a crash cut off is no line.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

_BLOCK = 64 * 1024


class JournalUnreadable(Exception):
    """The file has something else than the lines of a journal."""


class JournalFile:
    """The journal at a path, on a disk that all machines of the product share."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def last_seq(self) -> int:
        """Return the number of the last line, 0 where there is none. Raises JournalUnreadable."""
        return next((line["seq"] for line in self._backwards()), 0)

    def after(self, seq: int) -> list[dict[str, Any]]:
        """Return the lines with greater numbers, the oldest first. Raises JournalUnreadable."""
        newer = []
        for line in self._backwards():
            if line["seq"] <= seq:
                break
            newer.append(line)
        return newer[::-1]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other process from appending meanwhile."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def append(self, lines: Sequence[dict[str, Any]]) -> None:
        """Append the lines, whose numbers follow the last one's. The caller holds the lock."""
        text = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        is_new = not self.path.exists() or not self.path.stat().st_size
        with self.path.open("r+b") as file:
            file.truncate(_end_of_lines(file))
            file.seek(0, os.SEEK_END)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            _sync_directory(self.path.parent)

    def _backwards(self) -> Iterator[dict[str, Any]]:
        """Yield the lines from the last one on."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            end = _end_of_lines(file)
            rest = b""
            while end > 0:
                start = max(0, end - _BLOCK)
                file.seek(start)
                rest = file.read(end - start) + rest
                end = start
                *lines, rest = _from_the_end(rest, is_whole=start == 0)
                yield from map(_read, lines)


def _from_the_end(text: bytes, *, is_whole: bool) -> list[bytes]:
    """Return the whole lines of a text from the last one on, then what is before the first."""
    pieces = text.split(b"\n")
    rest = b"" if is_whole else pieces.pop(0)
    return [*(piece for piece in reversed(pieces) if piece), rest]


def _end_of_lines(file: BinaryIO) -> int:
    """Return where the last whole line ends."""
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(0, end - _BLOCK)
        file.seek(start)
        place = file.read(end - start).rfind(b"\n")
        if place >= 0:
            return start + place + 1
        end = start
    return 0


def _read(text: bytes) -> dict[str, Any]:
    try:
        line = msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise JournalUnreadable("a line is no JSON") from None
    if not isinstance(line, dict) or not isinstance(line.get("seq"), int):
        raise JournalUnreadable("a line has no number")
    return line


def _sync_directory(path: Path) -> None:
    """Have the name of a new file on the disk, too."""
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
