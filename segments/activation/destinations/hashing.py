"""SHA-256 of what names people, for tools that match by it.

Pure. A value that is a hash already is not hashed again: it would match nobody.
"""

import hashlib
import re

_HASH = re.compile(r"[0-9a-f]{64}|[0-9a-f]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def is_hash(text: str) -> bool:
    """Whether a normalised text is a SHA-256 or an MD5 in hexadecimal."""
    return _HASH.fullmatch(text) is not None


def is_sha256(text: str) -> bool:
    """Whether a normalised text is a SHA-256 in hexadecimal."""
    return _SHA256.fullmatch(text) is not None


def sha256(text: str) -> str:
    """Return the SHA-256 of the UTF-8 of a text in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
