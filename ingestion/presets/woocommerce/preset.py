"""WooCommerce: orders, refunds, customers, products (developer.woocommerce.com, REST API v3)."""

from ingestion.presets.delivery import check_base64
from ingestion.presets.presets import Preset

PRESET = Preset(
    key="woocommerce",
    title="WooCommerce",
    # It signs no time; facts have ids of their own, so that a replay changes nothing.
    check=lambda delivery, secret, now: check_base64(delivery, "X-WC-Webhook-Signature", secret),
    kind_of=lambda delivery: delivery.header("X-WC-Webhook-Topic"),
    # It tries the address when a webhook is saved, without a signature.
    is_ping=lambda delivery: delivery.body.startswith(b"webhook_id="),
    ignored=frozenset({"order.deleted", "customer.deleted", "product.deleted"}),
)
