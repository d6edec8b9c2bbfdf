"""Parsing the context of a message: its identifiers, traits and consents."""

import re
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from profiles.lib import exact_json
from profiles.lib.memory import remembered

NO_ADDRESS = "0.0.0.0"  # noqa: S104  (by this SDKs say that the address must not be kept)
_NAMESPACE = re.compile(r"[a-z][a-z0-9_.-]{0,62}")  # at most 63 characters, as the column


class _Context(msgspec.Struct, rename="camel"):
    """The fields of a context that have identifiers, traits, consents or the address."""

    traits: Any = None
    device: Any = None
    external_ids: Any = None
    consent: Any = None
    ip: Any = None
    direct: Any = None
    identity_signature: Any = msgspec.field(default=None, name="identity_signature")


class ContextContent(NamedTuple):
    """The content of a context. `refs` are pairs of namespace and value, not normalised.

    `text` has no signature, which would let whoever reads events speak for people.
    """

    text: str
    traits: Mapping[str, Any]
    refs: tuple[tuple[str, Any], ...]
    consents: Mapping[str, bool]
    signature: str = ""


_context_decoder = msgspec.json.Decoder(_Context, float_hook=Decimal)


@remembered(maxsize=4096)
def read_context(raw: bytes, address: str = "", *, is_client: bool = False) -> ContextContent:
    """Parse a context. Anything but an object counts as empty.

    The address of the request becomes the context's `ip` where it is the client's own: of a public
    key, or where `direct` says so. An `ip` in the context stays, and 0.0.0.0 keeps any from being
    stored. Cached, because the messages of a client mostly have the same context.
    """
    if not raw or not raw.startswith(b"{"):
        raw = b"{}"
    context = _context_decoder.decode(raw)
    dropped = {"ip"} if context.ip == NO_ADDRESS else set()
    added = {}
    if address and context.ip is None and (is_client or context.direct is True):
        added = {"ip": address}
    if context.identity_signature is not None:
        dropped.add("identity_signature")
    if dropped or added:
        raw = _changed(raw, dropped, added)
    traits = context.traits if isinstance(context.traits, dict) else {}
    refs = (
        *contact_refs(traits),
        *_device_refs(context.device),
        *_external_refs(context.external_ids),
    )
    signature = context.identity_signature
    return ContextContent(
        raw.decode(),
        traits,
        refs,
        preferences_of(context.consent),
        signature if isinstance(signature, str) else "",
    )


def _changed(raw: bytes, dropped: Collection[str], added: Mapping[str, str]) -> bytes:
    context = exact_json.loads(raw)
    kept = {name: value for name, value in context.items() if name not in dropped}
    return exact_json.dump_bytes({**kept, **added})


def contact_refs(traits: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Return the e-mail address and telephone number among the traits."""
    return tuple((name, traits[name]) for name in ("email", "phone") if name in traits)


def _device_refs(device: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(device, dict):
        return
    kind = device.get("type")
    platform = kind.lower() if isinstance(kind, str) else ""
    if platform not in ("ios", "android"):
        return
    yield f"{platform}.id", device.get("id")
    yield f"{platform}.push_token", device.get("token")
    # Only with the person's permission to track them for advertising.
    if device.get("adTrackingEnabled") is True:
        yield f"{platform}.idfa", device.get("advertisingId")


def _external_refs(external_ids: Any) -> Iterator[tuple[str, Any]]:
    """Yield the refs of `externalIds` [{id, type, collection, encoding}].

    Ids of accounts and encoded ids are left out.
    """
    for entry in external_ids if isinstance(external_ids, list) else ():
        if not isinstance(entry, dict) or entry.get("collection", "users") != "users":
            continue
        namespace = entry.get("type")
        if (
            isinstance(namespace, str)
            and _NAMESPACE.fullmatch(namespace)
            and namespace != "profile"  # public UUIDs are Tessera's own to assign
            and entry.get("encoding", "none") == "none"
        ):
            yield namespace, entry.get("id")


def preferences_of(consent: Any) -> Mapping[str, bool]:
    """Return the `categoryPreferences` {category: bool} of a consent object.

    Values that are not booleans are left out.
    """
    preferences = consent.get("categoryPreferences") if isinstance(consent, dict) else None
    if not isinstance(preferences, dict):
        return {}
    return {key: value for key, value in preferences.items() if isinstance(value, bool)}
