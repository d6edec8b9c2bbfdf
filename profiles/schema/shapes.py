"""The shape of a JSON object: its paths and the type of each value (pure).

Invariant: a shape has no value, and no name of a key that could be one: such a name is `*`.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

MOST_DEPTH = 4
MOST_PATHS = 120
MOST_ITEMS = 3  # of a list; the others are mostly like them
OTHER_NAMES = "*"
# Words as programs spell them. Addresses, numbers and opaque ids are values that became names.
_WORD = re.compile(r"[^\W\d][\w $:-]{0,39}")
_NUMBER_OR_ID = re.compile(r"\d{5}|(?=[^\W_]*\d[^\W_]*)[^\W_]{16}|[0-9a-fA-F]{8}-")
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?")
_URL = re.compile(r"https?://", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")


def shape_of(content: Mapping[str, Any], *, depth: int = MOST_DEPTH) -> dict[str, set[str]]:
    """Return the types of the values of an object, by path; at most `MOST_PATHS` paths."""
    shape: dict[str, set[str]] = defaultdict(set)
    for path, kind in _steps(content, "", depth):
        if path in shape or len(shape) < MOST_PATHS:
            shape[path].add(kind)
    return shape


def type_of(value: Any) -> str:
    """Return the type of a JSON value; of a text that looks like one, `date`, `email` or `url`."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return _type_of_text(value)
        case list():
            return "list"
        case dict():
            return "object"
        case _:
            return "number"


def plain_name(name: str) -> str:
    """Return the name of a key, or `*` where it is no word."""
    is_word = _WORD.fullmatch(name) and not _NUMBER_OR_ID.search(name)
    return name if is_word else OTHER_NAMES


def _steps(content: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, str]]:
    for name, value in content.items():
        path = f"{prefix}{plain_name(name)}"
        yield path, type_of(value)
        if depth > 1:
            yield from _below(value, path, depth - 1)


def _below(value: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        yield from _steps(value, f"{path}.", depth)
    elif isinstance(value, list):
        for item in value[:MOST_ITEMS]:
            if isinstance(item, dict):
                yield from _steps(item, f"{path}[].", depth)


def _type_of_text(text: str) -> str:
    if _DATE.fullmatch(text):
        return "date"
    if _URL.match(text):
        return "url"
    # A pattern is only tried on what may be one.
    return "email" if "@" in text and _ADDRESS.fullmatch(text) else "text"
