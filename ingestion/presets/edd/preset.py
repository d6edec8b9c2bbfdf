"""Easy Digital Downloads: sales and refunds, by the plugin beside this file."""

from ingestion.presets.delivery import check_dated, text_at
from ingestion.presets.presets import Preset

PRESET = Preset(
    key="edd",
    title="Easy Digital Downloads",
    # It sends nothing by itself: the plugin signs, and signs the time.
    check=lambda delivery, secret, now: check_dated(delivery, "X-Tessera-Signature", secret, now),
    kind_of=lambda delivery: text_at(delivery.content, "event"),
    is_test=lambda content: text_at(content, "sale", "mode") == "test",
)
