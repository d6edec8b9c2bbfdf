"""Razorpay: payments and refunds (razorpay.com/docs/webhooks)."""

from ingestion.presets.delivery import Delivery, check_hex
from ingestion.presets.presets import Preset


def _kind(delivery: Delivery) -> str:
    kind = delivery.content.get("event") if isinstance(delivery.content, dict) else ""
    return kind if isinstance(kind, str) else ""


PRESET = Preset(
    key="razorpay",
    title="Razorpay",
    # It signs no time; facts have ids of their own, so that a replay changes nothing.
    check=lambda delivery, secret, now: check_hex(delivery, "X-Razorpay-Signature", secret),
    kind_of=_kind,
    # The capture has the same payment, once the money is there.
    ignored=frozenset({"payment.authorized", "order.paid", "refund.created"}),
)
