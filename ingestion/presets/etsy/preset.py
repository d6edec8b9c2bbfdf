"""Etsy: paid and cancelled orders (developers.etsy.com, webhooks)."""

from ingestion.presets.delivery import check_standard, text_at
from ingestion.presets.presets import Preset

PRESET = Preset(
    key="etsy",
    title="Etsy",
    # It signs by Standard Webhooks.
    check=check_standard,
    kind_of=lambda delivery: text_at(delivery.content, "event_type"),
    ignored=frozenset({"order.shipped", "order.delivered"}),
)
