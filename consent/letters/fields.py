"""The fields of letters, such as `{due}`: which there are, and putting values in their place.

Pure. Invariant: a text with any other field is refused before it is kept, so that no letter leaves
with a hole in it.
"""

import re
from collections.abc import Mapping

FIELDS = ("company", "reference", "received", "due", "today", "reason")
_FIELD = re.compile(r"\{(\w*)\}")
_BRACE = re.compile(r"[{}]")


class UnknownField(ValueError):
    """A text names a field that there is not; `name` is what it says between its braces."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def check_fields(text: str) -> None:
    """Raises UnknownField for the first field that there is not, or a brace that stands alone."""
    for name in _FIELD.findall(text):
        if name not in FIELDS:
            raise UnknownField(name)
    if brace := _BRACE.search(_FIELD.sub("", text)):
        raise UnknownField(brace[0])


def filled_in(text: str, values: Mapping[str, str]) -> str:
    """Return the text with the value of each field; values are never read as fields."""
    return _FIELD.sub(lambda match: values[match[1]], text)
