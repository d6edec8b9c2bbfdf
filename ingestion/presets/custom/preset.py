"""Any tool that sends JSON: its deliveries are mapped by the mapping of the source itself."""

from datetime import datetime

from ingestion.presets.delivery import Delivery, check_hex
from ingestion.presets.presets import Preset


def _check(delivery: Delivery, secret: str, now: datetime) -> None:
    check_hex(delivery, "X-Signature", secret, prefix="sha256=")


def _kind(delivery: Delivery) -> str:
    """Return the type that the body or a header names; a mapping may have one for all, `*`."""
    content = delivery.content if isinstance(delivery.content, dict) else {}
    kind = delivery.header("X-Event") or content.get("event") or content.get("type")
    return kind if isinstance(kind, str) else "*"


PRESET = Preset(key="custom", title="JSON of your own", check=_check, kind_of=_kind)
