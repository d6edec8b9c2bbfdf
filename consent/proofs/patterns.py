"""What a value of a person may look like where it was left: spellings, and plain hashes.

Pure. Not looked for, and declared: `+tag` and dot variants, split or spelled-out texts, names that
nobody gave, pictures, values inside of what is encrypted.
"""

import hashlib
import io
import json
import unicodedata
import zipfile
import zlib
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

import lz4.frame

_HASHES = ("md5", "sha1", "sha256", "sha512")
GZIP, _ZIP, _LZ4 = b"\x1f\x8b", b"PK\x03\x04", b"\x04\x22\x4d\x18"
# More than this of one packed value is not unpacked: what is stored here is far smaller.
MAX_UNPACKED = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Patterns:
    """Texts in lower case that are looked for: what spells a value, and what hashes one."""

    spellings: frozenset[str] = field(default_factory=frozenset)
    hashes: frozenset[str] = field(default_factory=frozenset)

    def found_in(self, content: bytes) -> tuple[bool, bool]:
        """Whether a spelling, and whether a hash, is in what a text or packed bytes say."""
        texts = [_folded(part) for part in unpacked(content)]
        return (
            any(text in part for part in texts for text in self.spellings),
            any(text in part for part in texts for text in self.hashes),
        )


def patterns_of(values: Iterable[str]) -> Patterns:
    """Return everything that the values may be left as."""
    wanted = list(values)
    spellings = {text.lower() for value in wanted for text in _spellings(value)}
    return Patterns(
        frozenset(spellings),
        frozenset(text.lower() for value in wanted for text in _hashes(value)),
    )


def unpacked(content: bytes) -> Iterator[bytes]:
    """Yield content, and what is in it where it is packed by lz4, gzip or zip."""
    yield content
    try:
        if content.startswith(_LZ4):
            yield lz4.frame.LZ4FrameDecompressor().decompress(content, max_length=MAX_UNPACKED)
        elif content.startswith(GZIP):
            # 16: with the header of gzip.
            yield zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(content, MAX_UNPACKED)
        elif content.startswith(_ZIP):
            yield from _members(content)
    except (RuntimeError, EOFError, zlib.error, zipfile.BadZipFile):
        # It only looks like one.
        return


def _members(content: bytes) -> Iterator[bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            with archive.open(name) as member:
                yield member.read(MAX_UNPACKED)


def _folded(content: bytes) -> str:
    return content.decode(errors="replace").lower()


def _spellings(value: str) -> Iterator[str]:
    composed = unicodedata.normalize("NFC", value)
    for text in {value, composed, unicodedata.normalize("NFD", value)}:
        yield text
        yield json.dumps(text)[1:-1]
        yield quote(text, safe="")
        yield quote_plus(text)
        # Bytes in a row of the database are shown as hexadecimal digits.
        yield text.encode().hex()
        yield text.lower().encode().hex()


def _hashes(value: str) -> Iterator[str]:
    composed = unicodedata.normalize("NFC", value.strip())
    for text in {value, composed, composed.lower()}:
        for name in _HASHES:
            digest = hashlib.new(name, text.encode(), usedforsecurity=False).digest()
            yield digest.hex()
            yield b64encode(digest).decode().rstrip("=")
            yield urlsafe_b64encode(digest).decode().rstrip("=")
