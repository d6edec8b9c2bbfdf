"""What names an identifier: its namespace and its stored spelling. Pure, so that every engine may use it."""

from typing import NamedTuple


class Ref(NamedTuple):
    """One identifier, normalised and allowed."""

    namespace: str
    value: str
