"""Which identifiers of a message may be used, and what is cut out for erased people."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from django.conf import settings

from consent.services import is_distinctive, mentions, redacted, redacted_text
from ingestion.drain.configuration import Configuration
from ingestion.messages import Message
from profiles.identifiers.normalisers import InvalidIdentifier, is_blocked, normalise
from profiles.identifiers.references import Ref
from profiles.lib import exact_json


class IdentifierFilter:
    """Filters the identifiers of a chunk's messages: first by rules, then by suppressions.

    Values that stand for nobody are left out ahead of the people lock. Who is erased is read under
    it, and given as `suppressed`.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._rank = configuration.rules.rank
        self._blocked: Mapping[str, frozenset[str]] = configuration.blocked
        self._allowed: dict[Ref, bool] = {}
        self._suppressed: frozenset[str] = frozenset()

    def usable(self, message: Message) -> Message:
        """Return the message with the identifiers that stand for somebody, highest first."""
        if len(message.refs) == 1 and self._is_allowed(message.refs[0]):
            # By far the most common message: nothing to sort and nothing to leave out.
            return message
        refs = sorted((ref for ref in message.refs if self._is_allowed(ref)), key=self._rank)
        return message._replace(refs=tuple(refs))

    def suppress(self, suppressed: Iterable[str]) -> None:
        """Take note of the references of erased people, as `namespace:value`."""
        self._suppressed = frozenset(suppressed)

    def without_suppressed(self, message: Message) -> Message | None:
        """Return a usable message without what stands for erased people.

        Returns None where its highest identifier is suppressed.
        """
        if not self._suppressed:
            return message
        if message.refs and self._is_suppressed(message.refs[0]):
            return None
        refs = tuple(ref for ref in message.refs if not self._is_suppressed(ref))
        kept = message._replace(refs=refs)
        return kept if self._suppressed.isdisjoint(references_of(message)) else self._cut(kept)

    def _cut(self, message: Message) -> Message:
        region = settings.DEFAULT_PHONE_REGION
        return message._replace(
            name=redacted_text(message.name, self._suppressed, region=region),
            traits=self._without_contacts(self._redacted(message.traits)),
            properties=self._cut_json(message.properties),
            context=exact_json.dumps(
                self._without_identifiers(self._redacted(exact_json.loads(message.context)))
            ),
            message_id="",
            raw=b"{}",
        )

    def _redacted(self, content: Any) -> Any:
        return redacted(content, self._suppressed, region=settings.DEFAULT_PHONE_REGION)

    def _cut_json(self, text: str) -> str:
        content = exact_json.loads(text)
        cut = self._redacted(content)
        return text if cut == content else exact_json.dumps(cut)

    def _without_identifiers(self, context: dict[str, Any]) -> dict[str, Any]:
        """Return a context without suppressed ids of devices, external ids and contacts."""
        cut = dict(context)
        if isinstance(cut.get("traits"), dict):
            cut["traits"] = self._without_contacts(cut["traits"])
        if isinstance(cut.get("externalIds"), list):
            cut["externalIds"] = [e for e in cut["externalIds"] if not self._is_external(e)]
        if isinstance(cut.get("device"), dict):
            cut["device"] = self._without_device_ids(cut["device"])
        return cut

    def _without_contacts(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        return {
            key: value
            for key, value in traits.items()
            if key not in ("email", "phone") or not self._names_suppressed(key, value)
        }

    def _without_device_ids(self, device: Mapping[str, Any]) -> dict[str, Any]:
        platform = str(device.get("type", "")).lower()
        names = {"id": "id", "token": "push_token", "advertisingId": "idfa"}
        return {
            key: value
            for key, value in device.items()
            if key not in names or not self._names_suppressed(f"{platform}.{names[key]}", value)
        }

    def _is_external(self, entry: Any) -> bool:
        return isinstance(entry, dict) and self._names_suppressed(
            str(entry.get("type", "")), entry.get("id")
        )

    def _names_suppressed(self, namespace: str, value: Any) -> bool:
        try:
            spelled = normalise(namespace, value, region=settings.DEFAULT_PHONE_REGION)
        except InvalidIdentifier:
            return False
        return self._is_suppressed(Ref(namespace, spelled))

    def _is_allowed(self, ref: Ref) -> bool:
        allowed = self._allowed.get(ref)
        if allowed is None:
            extra = self._blocked.get(ref.namespace, frozenset())
            allowed = self._allowed[ref] = not is_blocked(ref.namespace, ref.value, extra)
        return allowed

    def _is_suppressed(self, ref: Ref) -> bool:
        return f"{ref.namespace}:{ref.value}" in self._suppressed


def references_of(message: Message) -> Iterator[str]:
    """Yield all that a message may say about erased people: whom it names, and what it mentions."""
    for ref in message.refs:
        yield f"{ref.namespace}:{ref.value}"
    for text in (message.properties, message.context):
        yield from _mentioned(text)
    if message.traits:
        yield from mentions(message.traits, region=settings.DEFAULT_PHONE_REGION)
    if is_distinctive(message.name):
        yield from mentions(message.name, region=settings.DEFAULT_PHONE_REGION)


@lru_cache(maxsize=4096)
def _mentioned(text: str) -> frozenset[str]:
    """Return what a JSON text mentions. Cached, since a client's contexts are mostly the same."""
    if not is_distinctive(text):
        return frozenset()
    return frozenset(mentions(exact_json.loads(text), region=settings.DEFAULT_PHONE_REGION))
