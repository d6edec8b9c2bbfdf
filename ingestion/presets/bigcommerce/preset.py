"""BigCommerce: orders, refunds and customers (docs.bigcommerce.com, webhooks)."""

from ingestion.presets.delivery import check_standard, text_at
from ingestion.presets.presets import Preset

PRESET = Preset(
    key="bigcommerce",
    title="BigCommerce",
    # It signs by Standard Webhooks; the secret is the client secret of the API account.
    check=check_standard,
    kind_of=lambda delivery: text_at(delivery.content, "scope"),
    ignored=frozenset({"store/order/archived", "store/order/message/created"}),
)
