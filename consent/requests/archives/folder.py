"""A ZIP file that ends with the signed digests of what is in it."""

import hashlib
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import IO, Any, Self

import msgspec

from consent.lib.signing import is_signed, signed
from profiles.lib import exact_json

SIGNATURE = "signature.json"
KIND = "data-copy+jwt"


class SignedFolder:
    """Writes files into a ZIP file and signs them when it is closed without an error."""

    def __init__(self, file: IO[bytes], *, made_at: datetime) -> None:
        self._folder = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED)
        self._made_at = made_at
        self._digests: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            content = {"made_at": self._made_at.isoformat(), "sha256": dict(self._digests)}
            self.json(SIGNATURE, content | {"jws": signed(content, kind=KIND)})
        self._folder.close()

    @contextmanager
    def file(self, name: str) -> Iterator[IO[bytes]]:
        """Give a file of this name to write to."""
        with self._folder.open(name, "w") as inner:
            file = _Digesting(inner)
            yield file  # type: ignore[misc]  # of IO it has what is written with
        self._digests[name] = file.digest.hexdigest()

    def json(self, name: str, content: Any) -> None:
        with self.file(name) as file:
            file.write(msgspec.json.format(exact_json.dump_bytes(content), indent=1))


class _Digesting:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def write(self, content: bytes) -> int:
        self.digest.update(content)
        return self._file.write(content)


def is_signed_here(folder: zipfile.ZipFile, name: str) -> bool:
    """Whether a file of an archive is as this installation signed it."""
    try:
        signature = json.loads(folder.read(SIGNATURE))
        content, jws = {key: signature[key] for key in ("made_at", "sha256")}, signature["jws"]
        digest = hashlib.sha256(folder.read(name)).hexdigest()
    except (KeyError, TypeError, ValueError):
        return False
    return is_signed(content, jws, kind=KIND) and content["sha256"].get(name) == digest
