"""Finding what a message may say about erased people, where it could not be parsed.

It looks where messages name people, and for distinctive forms in all other texts and keys.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from django.conf import settings

from consent.services import mentions
from profiles.identifiers.lookup import spelled
from profiles.identifiers.normalisers import InvalidIdentifier
from profiles.lib import exact_json
from profiles.lib.spellings import OWN_NORMALISERS, Normaliser

Normalisers = Mapping[str, str] | None
# The namespace of an identifier of a device, behind its platform and a dot.
DEVICE_FIELDS = {"id": "id", "token": "push_token", "advertisingId": "idfa"}
_NAMING = {"userId": "user_id", "anonymousId": "anonymous_id", "previousId": "anonymous_id"}


def references_in(body: bytes, normalisers: Mapping[str, str] | None) -> Iterator[str]:
    """Yield every `namespace:value` that the message names or mentions.

    `normalisers` are those that staff chose; with None, identifiers come under every spelling that
    staff may choose.
    """
    content = _read(body)
    if isinstance(content, dict):
        yield from _named(content, normalisers)
    yield from mentions(content, region=settings.DEFAULT_PHONE_REGION)


def _read(body: bytes) -> Any:
    """Return the JSON, or the text of what is none; numbers of any size count for nobody."""
    try:
        return exact_json.loads(body)
    except (ArithmeticError, ValueError, RecursionError):
        pass
    try:
        return exact_json.read(body, keeps_numbers=True)
    except (exact_json.UnreadableJSON, ArithmeticError, ValueError, RecursionError):
        return body.decode(errors="replace")


def _named(message: Mapping[str, Any], normalisers: Normalisers) -> Iterator[str]:
    for field, namespace in _NAMING.items():
        yield from _reference(namespace, message.get(field), normalisers)
    stated = message.get("context")
    context: Mapping[str, Any] = stated if isinstance(stated, dict) else {}
    for holder in (message, context):
        traits = holder.get("traits")
        if isinstance(traits, dict):
            for namespace in ("email", "phone"):
                yield from _reference(namespace, traits.get(namespace), normalisers)
    entries = context.get("externalIds")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("type"), str):
            yield from _reference(entry["type"], entry.get("id"), normalisers)
    yield from _devices(context.get("device"), normalisers)
    # A batch that could not be split is one rejected message.
    batch = message.get("batch")
    for inner in batch if isinstance(batch, list) else ():
        if isinstance(inner, dict):
            yield from _named(inner, normalisers)


def _devices(device: Any, normalisers: Normalisers) -> Iterator[str]:
    if not isinstance(device, dict):
        return
    platform = str(device.get("type", "")).lower()
    for field, name in DEVICE_FIELDS.items():
        yield from _reference(f"{platform}.{name}", device.get(field), normalisers)


def _reference(namespace: str, value: Any, normalisers: Normalisers) -> Iterator[str]:
    chosen = [normalisers]
    if normalisers is None:
        own = namespace in OWN_NORMALISERS
        chosen = [{}] if own else [{namespace: normaliser} for normaliser in Normaliser]
    for each in chosen:
        with suppress(InvalidIdentifier):
            yield f"{namespace}:{spelled(namespace, value, each)}"
