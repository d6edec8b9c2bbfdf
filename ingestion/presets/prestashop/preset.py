"""PrestaShop: orders, refunds and customers, by the module beside this file."""

from ingestion.presets.delivery import check_dated, text_at
from ingestion.presets.presets import Preset

PRESET = Preset(
    key="prestashop",
    title="PrestaShop",
    # PrestaShop sends nothing by itself: the module signs, and signs the time.
    check=lambda delivery, secret, now: check_dated(delivery, "X-Tessera-Signature", secret, now),
    kind_of=lambda delivery: text_at(delivery.content, "event"),
)
