"""Files that are encrypted while they are written, for a public key of age.

age is at https://age-encryption.org. Invariant: nothing of the plain file is stored.
"""

from collections.abc import Iterator
from queue import Queue, SimpleQueue
from threading import Thread

import pyrage

# Ends the plain file, whole or not.
_END, _BROKEN = b"", None


class _Reader:
    """The plain file as it comes. What is left of a chunk waits for the next call."""

    def __init__(self, chunks: "Queue[bytes | None]") -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, most: int = -1) -> bytes:
        if not self._rest:
            chunk = self._chunks.get()
            if chunk is _BROKEN:
                raise EOFError
            self._rest = chunk
        taken = self._rest if most < 0 else self._rest[:most]
        self._rest = self._rest[len(taken) :]
        return taken


class _Writer:
    """Where the encrypted file goes."""

    def __init__(self, chunks: "SimpleQueue[bytes]") -> None:
        self._chunks = chunks

    def write(self, chunk: bytes) -> int:
        self._chunks.put(chunk)
        return len(chunk)

    def flush(self) -> None:
        """Nothing waits."""


def fault_of_recipient(text: str) -> str:
    """Return what is wrong with a public key, empty for nothing."""
    try:
        pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError:
        return "A public key of age, which begins with age1."
    return ""


def sealed(plain: Iterator[bytes], recipient: str) -> Iterator[bytes]:
    """Yield a file encrypted for a public key, in memory of some chunks.

    The library wants to read and write by itself, so it does in a thread, which is fed one chunk at
    a time. Where the plain file breaks off, the encrypted one has no end either, by which age finds
    it broken. Raises ValueError for a faulty key, and whatever the plain file raises.
    """
    try:
        key = pyrage.x25519.Recipient.from_str(recipient)
    except pyrage.RecipientError as error:
        raise ValueError(str(error)) from None
    chunks: Queue[bytes | None] = Queue(maxsize=1)
    encrypted: SimpleQueue[bytes] = SimpleQueue()
    thread = Thread(target=_encrypt, args=(_Reader(chunks), _Writer(encrypted), key), daemon=True)
    thread.start()
    end: bytes | None = _BROKEN
    try:
        for chunk in plain:
            if chunk:
                chunks.put(chunk)
            # An empty chunk lets the reader see that this goes on.
            yield _waiting(encrypted)
        end = _END
    finally:
        chunks.put(end)
        thread.join()
    yield _waiting(encrypted)


def _encrypt(reader: _Reader, writer: _Writer, key: pyrage.x25519.Recipient) -> None:
    try:
        pyrage.encrypt_io(reader, writer, [key])
    except pyrage.EncryptError:
        # The plain file broke off.
        return


def _waiting(chunks: "SimpleQueue[bytes]") -> bytes:
    waiting = []
    while not chunks.empty():
        waiting.append(chunks.get())
    return b"".join(waiting)
