"""Kept messages as text on a page."""

import json

import msgspec

from ingestion.inbox.body import unpack_message
from profiles.admin.kit.masks import Mask

MAX_LENGTH = 100_000  # characters of a message on the page


def pretty(packed: bytes | memoryview, mask: Mask) -> str:
    """Return a message as indented JSON, as the mask lets the user see it."""
    return pretty_text(unpack_message(packed), mask)


def pretty_text(raw: bytes, mask: Mask) -> str:
    """Return the JSON of a message indented and masked."""
    text = raw.decode("utf-8", "replace")
    try:
        if mask.is_open:
            # Nothing is read, so that numbers stay as they were written.
            return msgspec.json.format(text, indent=2)[:MAX_LENGTH]
        body = mask.tree(json.loads(text))
    except (msgspec.DecodeError, ValueError, RecursionError):
        # Text that is not JSON cannot be masked.
        return text[:MAX_LENGTH] if mask.is_open else "not JSON"
    return json.dumps(body, ensure_ascii=False, indent=2)[:MAX_LENGTH]
