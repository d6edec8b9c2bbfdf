"""What a context says: identifiers, traits and consents."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec


class _Context(msgspec.Struct, rename="camel"):
    """The fields of a context from which identifiers and consents are read."""

    traits: Any = None
    device: Any = None
    external_ids: Any = None
    consent: Any = None


class ContextContent(NamedTuple):
    """What a context says, read once for all messages that share its bytes."""

    text: str
    traits: Mapping[str, Any]
    refs: tuple[tuple[str, Any], ...]
    consents: Mapping[str, bool]


_context_decoder = msgspec.json.Decoder(_Context, float_hook=Decimal)


@lru_cache(maxsize=4096)
def read_context(raw: bytes) -> ContextContent:
    """Contexts repeat from message to message, so each is read once."""
    if not raw or not raw.startswith(b"{"):
        return ContextContent("{}", {}, (), {})
    context = _context_decoder.decode(raw)
    traits = context.traits if isinstance(context.traits, dict) else {}
    refs = (
        *contact_refs(traits),
        *_device_refs(context.device),
        *_external_refs(context.external_ids),
    )
    return ContextContent(raw.decode(), traits, refs, preferences_of(context.consent))


def contact_refs(traits: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple((name, traits[name]) for name in ("email", "phone") if name in traits)


def _device_refs(device: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(device, dict):
        return
    platform = str(device.get("type", "")).lower()
    if platform not in ("ios", "android"):
        return
    yield f"{platform}.id", device.get("id")
    yield f"{platform}.push_token", device.get("token")
    if device.get("adTrackingEnabled") is True:
        yield f"{platform}.idfa", device.get("advertisingId")


def _external_refs(given: Any) -> Iterator[tuple[str, Any]]:
    """externalIds [{id, type, collection, encoding}]; only those of users, in plain text."""
    for entry in given if isinstance(given, list) else ():
        if not isinstance(entry, dict) or entry.get("collection", "users") != "users":
            continue
        namespace = entry.get("type")
        if (
            isinstance(namespace, str)
            and re.fullmatch(r"[a-z][a-z0-9_.-]{0,62}", namespace)
            and namespace != "profile"
            and entry.get("encoding", "none") == "none"
        ):
            yield namespace, entry.get("id")


def preferences_of(consent: Any) -> Mapping[str, bool]:
    """`{"categoryPreferences": {category: bool}}`; what is not a boolean says nothing."""
    told = consent.get("categoryPreferences") if isinstance(consent, dict) else None
    if not isinstance(told, dict):
        return {}
    return {key: value for key, value in told.items() if isinstance(value, bool)}
