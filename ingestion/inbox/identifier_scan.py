"""Finding what a message may say about erased people, where it could not be parsed.

It looks where messages name people, and for distinctive forms in all other texts and keys.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from django.conf import settings

from consent.services import mentions
from profiles.identifiers.normalisers import InvalidIdentifier, normalise
from profiles.lib import exact_json

_NAMING = {"userId": "user_id", "anonymousId": "anonymous_id", "previousId": "anonymous_id"}


def references_in(body: bytes) -> Iterator[str]:
    """Yield every `namespace:value` that the message names or mentions."""
    try:
        content = exact_json.loads(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        content = body.decode(errors="replace")
    if isinstance(content, dict):
        yield from _named(content)
    yield from mentions(content, region=settings.DEFAULT_PHONE_REGION)


def _named(message: Mapping[str, Any]) -> Iterator[str]:
    for field, namespace in _NAMING.items():
        yield from _reference(namespace, message.get(field))
    stated = message.get("context")
    context: Mapping[str, Any] = stated if isinstance(stated, dict) else {}
    for holder in (message, context):
        traits = holder.get("traits")
        if isinstance(traits, dict):
            for namespace in ("email", "phone"):
                yield from _reference(namespace, traits.get(namespace))
    entries = context.get("externalIds")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("type"), str):
            yield from _reference(entry["type"], entry.get("id"))
    # A batch that could not be split is one rejected message.
    batch = message.get("batch")
    for inner in batch if isinstance(batch, list) else ():
        if isinstance(inner, dict):
            yield from _named(inner)


def _reference(namespace: str, value: Any) -> Iterator[str]:
    try:
        yield f"{namespace}:{normalise(namespace, value, region=settings.DEFAULT_PHONE_REGION)}"
    except InvalidIdentifier:
        return
