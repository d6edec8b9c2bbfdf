"""The bytes of an uploaded file: read from their parts, unpacked, and never whole in memory."""

import gzip
import io
import lzma
import shutil
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import IO

from django.conf import settings

from ingestion.imports.faults import FileFault
from ingestion.models import FileImport, ImportPart

GZIP, ZIP, PARQUET, OLE = b"\x1f\x8b", b"PK\x03\x04", b"PAR1", b"\xd0\xcf\x11\xe0"
# What the libraries raise where packed bytes are damaged, have a password or another method.
_DAMAGED = (EOFError, OSError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)
_BUFFER = 1024 * 1024
_WORKBOOK = "xl/workbook"
# Where a file must lie on the disk while it is read. What a killed worker leaves is swept.
FOLDER = "imports"
_DAMAGED_WORDS = "The packed file is damaged, or has a password."


class PartsFile(io.RawIOBase):
    """An uploaded file that reads its parts from the database as they are needed."""

    def __init__(self, file_import: FileImport) -> None:
        super().__init__()
        self._parts = ImportPart.objects.filter(file_import=file_import)
        self._size = file_import.size
        self._place = 0
        self._start, self._content = 0, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        bases = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}
        self._place = max(0, bases[whence] + offset)
        return self._place

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._place >= self._size:
            return 0
        if not self._start <= self._place < self._start + len(self._content):
            self._load()
        begin = self._place - self._start
        piece = self._content[begin : begin + len(buffer)]
        buffer[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)

    def _load(self) -> None:
        part = self._parts.filter(offset__lte=self._place).order_by("-offset").first()
        if part is None or part.offset + len(part.content) <= self._place:
            raise FileFault("A part of the file is missing: upload it again.")
        self._start, self._content = part.offset, bytes(part.content)


class _Capped(io.RawIOBase):
    """A file that was unpacked, and gives no more than is allowed: a few bytes can mean a lot."""

    def __init__(self, inner: IO[bytes] | gzip.GzipFile, limit: int) -> None:
        super().__init__()
        self._inner, self._left = inner, limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            piece = self._inner.read(len(buffer))
        except _DAMAGED:
            raise FileFault(_DAMAGED_WORDS) from None
        self._left -= len(piece)
        if self._left < 0:
            raise FileFault("The unpacked file is larger than IMPORT_MAX_BYTES.")
        buffer[: len(piece)] = piece
        return len(piece)


def content_of(file_import: FileImport) -> BufferedReader:
    """Return the bytes as they were uploaded."""
    return io.BufferedReader(PartsFile(file_import), _BUFFER)


@contextmanager
def unpacked(content: BufferedReader) -> Iterator[BufferedReader]:
    """Give what is in a gzip, or the one file of a zip; any other file as it is."""
    magic = _magic(content)
    if magic.startswith(GZIP):
        yield _buffered(gzip.GzipFile(fileobj=content))
    elif magic.startswith(ZIP) and not is_workbook(content):
        with _zip(content) as archive, _opened(archive) as member:
            yield _buffered(member)
    else:
        yield content


@contextmanager
def on_disk(content: BufferedReader) -> Iterator[Path]:
    """Give the path of a copy, for a format that must be read from its end."""
    folder = Path(settings.DATA_DIR) / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder) as copy:
        shutil.copyfileobj(content, copy, _BUFFER)
        copy.flush()
        yield Path(copy.name)


def sweep_folder() -> None:
    """Delete what a worker that was killed a day ago left on the disk."""
    oldest = time.time() - 86_400
    for path in (Path(settings.DATA_DIR) / FOLDER).glob("*"):
        if path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)


def is_workbook(content: BufferedReader) -> bool:
    """Whether a zip is an Excel file."""
    with _zip(content) as archive:
        names = archive.namelist()
    content.seek(0)
    return any(name.startswith(_WORKBOOK) for name in names)


def unpacked_size(content: BufferedReader) -> int:
    """Return how large the members of a zip say they are together."""
    with _zip(content) as archive:
        size = sum(member.file_size for member in archive.infolist())
    content.seek(0)
    return size


def _zip(content: BufferedReader) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(content)
    except (*_DAMAGED, ValueError):
        raise FileFault("The zip file is damaged or not whole.") from None


def _opened(archive: zipfile.ZipFile) -> IO[bytes]:
    try:
        return archive.open(_only_member(archive))
    except _DAMAGED:
        raise FileFault(_DAMAGED_WORDS) from None


def _only_member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [
        member
        for member in archive.infolist()
        if not member.is_dir() and not member.filename.startswith("__MACOSX/")
    ]
    if len(members) != 1:
        raise FileFault("A zip file must hold one file.")
    if members[0].flag_bits & 1:
        raise FileFault("The zip file has a password.")
    return members[0]


def _buffered(inner: IO[bytes] | gzip.GzipFile) -> BufferedReader:
    return io.BufferedReader(_Capped(inner, settings.IMPORT_MAX_BYTES), _BUFFER)


def _magic(content: BufferedReader) -> bytes:
    magic = content.read(4)
    content.seek(0)
    return magic
