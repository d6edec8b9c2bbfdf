"""Finding all texts of a message that may be identifiers, wherever they stand in it.

It is for messages that cannot be parsed, and so name their identifiers by no key.
"""

from collections.abc import Collection, Iterator
from typing import Any

import msgspec
from django.conf import settings

from profiles.identifiers.normalisers import InvalidIdentifier, normalise
from profiles.lib import exact_json


def references_in(body: bytes, namespaces: Collection[str]) -> Iterator[str]:
    """Yield every `namespace:value` that a text or number of the JSON could be.

    Yields nothing if the body is not JSON.
    """
    try:
        content = exact_json.loads(body)
    except msgspec.DecodeError:
        return
    for scalar in _scalars(content):
        yield from _references(scalar, namespaces)


def _scalars(content: Any) -> Iterator[str | int]:
    """Yield all texts and whole numbers in the JSON, but not the keys of objects."""
    match content:
        case bool():  # before numbers, which include it
            return
        case str() | int():
            yield content
        case dict():
            for inner in content.values():
                yield from _scalars(inner)
        case list():
            for inner in content:
                yield from _scalars(inner)


def _references(scalar: str | int, namespaces: Collection[str]) -> Iterator[str]:
    for namespace in namespaces:
        try:
            value = normalise(namespace, scalar, region=settings.DEFAULT_PHONE_REGION)
        except InvalidIdentifier:
            continue
        yield f"{namespace}:{value}"
