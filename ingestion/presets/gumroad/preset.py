"""Gumroad: sales, refunds and disputes (gumroad.com/ping, resource subscriptions), as forms."""

from ingestion.presets.delivery import Delivery, take_unsigned
from ingestion.presets.presets import Preset


def _kind(delivery: Delivery) -> str:
    content = delivery.content if isinstance(delivery.content, dict) else {}
    kind = content.get("resource_name", "sale")
    return kind if isinstance(kind, str) else ""


PRESET = Preset(
    key="gumroad",
    title="Gumroad",
    check=take_unsigned,
    is_signed=False,
    kind_of=_kind,
    is_test=lambda content: content.get("test") == "true",
)
