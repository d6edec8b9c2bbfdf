"""Shopify: orders, refunds, customers and products (shopify.dev, Admin API webhooks)."""

from ingestion.presets.delivery import check_base64
from ingestion.presets.presets import Preset

PRESET = Preset(
    key="shopify",
    title="Shopify",
    # The secret is the one that Shopify shows below the list of webhooks. It signs no time; facts
    # have ids of their own, so that a replayed delivery changes nothing.
    check=lambda delivery, secret, now: check_base64(delivery, "X-Shopify-Hmac-Sha256", secret),
    kind_of=lambda delivery: delivery.header("X-Shopify-Topic"),
    is_test=lambda content: content.get("test") is True,
    # A refund by itself names no customer; orders/updated has the same one with them.
    ignored=frozenset({"refunds/create", "orders/edited", "orders/delete", "products/delete"}),
)
