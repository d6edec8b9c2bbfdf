"""The reference of an identifier. Without Django, so that every engine module may use it."""

from typing import NamedTuple


class Ref(NamedTuple):
    """An identifier's namespace and stored spelling, normalised and not blocked."""

    namespace: str
    value: str


def reference_of(ref: Ref) -> str:
    """Return the identifier as callers write it: `namespace:value`."""
    return f"{ref.namespace}:{ref.value}"
