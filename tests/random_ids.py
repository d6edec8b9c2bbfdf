"""Ids and digests, in whose digits any short name may occur."""

import re

RANDOM = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{24,}", re.IGNORECASE)


def without_ids(text: str) -> str:
    """The text without its ids and digests, so that a name that is found in it was written."""
    return RANDOM.sub("", text)
