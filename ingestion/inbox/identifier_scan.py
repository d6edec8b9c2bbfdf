"""Which identifiers the texts of a message would be, wherever they stand in it: for messages that name nobody by key."""

from collections.abc import Collection, Iterator
from typing import Any

import msgspec
from django.conf import settings

from profiles.identifiers.normalisers import InvalidIdentifier, normalise
from profiles.lib import exact_json


def references_in(body: bytes, namespaces: Collection[str]) -> Iterator[str]:
    """Every `namespace:value` that a text or a number in the JSON could stand for; none where it is no JSON."""
    try:
        content = exact_json.loads(body)
    except msgspec.DecodeError:
        return
    for text in _texts(content):
        yield from _spellings(text, namespaces)


def _texts(content: Any) -> Iterator[str | int]:
    match content:
        case bool():
            return
        case str() | int():
            yield content
        case dict():
            for inner in content.values():
                yield from _texts(inner)
        case list():
            for inner in content:
                yield from _texts(inner)


def _spellings(text: str | int, namespaces: Collection[str]) -> Iterator[str]:
    """What the text would be as an identifier of each namespace."""
    for namespace in namespaces:
        try:
            value = normalise(namespace, text, region=settings.DEFAULT_PHONE_REGION)
        except InvalidIdentifier:
            continue
        yield f"{namespace}:{value}"
