"""Saying which word somebody may have meant."""

from collections.abc import Collection
from difflib import get_close_matches


def nearest(word: str, known: Collection[str]) -> str:
    """Return a sentence with the known word that is most like this one; empty without one."""
    near = get_close_matches(word, known, n=1)
    return f" Nearest: {near[0]}." if near else ""
