"""Keys of identifiers, which lie in files outside the database and its backups.

Invariant: a key is made once and never changes, and what it sealed can be read by nobody once its
file is gone, in no backup of the database either. So backups of these files may live for a short
time only.
"""

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_BITS = 256
_NONCE = 12  # bytes, drawn anew for each text
# Few enough for any file system to list a folder of them.
_FOLDERS = 1000


def seal(identifier_id: int, subject: str, text: bytes) -> bytes:
    """Return the text, encrypted for one identifier and one subject."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + _made_key(identifier_id).encrypt(nonce, text, subject.encode())


def unseal(identifier_id: int, subject: str, sealed: bytes) -> bytes:
    """Return what was sealed. Raises KeyError without the key, InvalidTag with another."""
    try:
        key = AESGCM(_path(identifier_id).read_bytes())
    except FileNotFoundError:
        raise KeyError(identifier_id) from None
    return key.decrypt(sealed[:_NONCE], sealed[_NONCE:], subject.encode())


def destroy_keys(identifier_ids: Iterable[int]) -> None:
    """Delete keys. Those that are not there are none to delete."""
    for identifier_id in identifier_ids:
        _path(identifier_id).unlink(missing_ok=True)


def identifiers_with_keys() -> Iterator[int]:
    """Yield the ids of all identifiers that have a key."""
    root = Path(settings.SPECIAL_KEYS_FOLDER)
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        # A draft has a name that is no number.
        yield from (int(path.name) for path in folder.iterdir() if path.name.isdecimal())


def _made_key(identifier_id: int) -> AESGCM:
    path = _path(identifier_id)
    with suppress(FileNotFoundError):
        return AESGCM(path.read_bytes())
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix="draft-") as draft:
        draft.write(AESGCM.generate_key(_BITS))
        draft.flush()
        os.fsync(draft.fileno())
        # Whole or not at all, and never over a key that another process has just made.
        with suppress(FileExistsError):
            os.link(draft.name, path)
    _sync(path.parent)
    return AESGCM(path.read_bytes())


def _sync(folder: Path) -> None:
    """Let the name of a key outlive a power cut: rows that it sealed are committed next."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _path(identifier_id: int) -> Path:
    root = Path(settings.SPECIAL_KEYS_FOLDER)
    return root / f"{identifier_id % _FOLDERS:03d}" / str(identifier_id)
