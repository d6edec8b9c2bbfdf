"""Cutting erased people out of a message that is about somebody else."""

from collections.abc import Collection, Mapping
from typing import Any

from django.conf import settings

from consent.services import redacted, redacted_text
from ingestion.inbox.identifier_scan import DEVICE_FIELDS
from ingestion.messages import Message
from profiles.identifiers.lookup import load_normalisers, spelled
from profiles.identifiers.normalisers import InvalidIdentifier
from profiles.lib import exact_json


class Redaction:
    """Cuts out what stands for one of the suppressed `namespace:value` references."""

    def __init__(self, suppressed: Collection[str]) -> None:
        self._suppressed = suppressed
        self._normalisers = load_normalisers()

    def of(self, message: Message) -> Message:
        """Return the message without them, and without its raw body and id."""
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
        return {
            key: value
            for key, value in device.items()
            if key not in DEVICE_FIELDS
            or not self._names_suppressed(f"{platform}.{DEVICE_FIELDS[key]}", value)
        }

    def _is_external(self, entry: Any) -> bool:
        return isinstance(entry, dict) and self._names_suppressed(
            str(entry.get("type", "")), entry.get("id")
        )

    def _names_suppressed(self, namespace: str, value: Any) -> bool:
        try:
            stored = spelled(namespace, value, self._normalisers)
        except InvalidIdentifier:
            return False
        return f"{namespace}:{stored}" in self._suppressed
