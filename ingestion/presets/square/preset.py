"""Square: payments and refunds (developer.squareup.com, webhooks)."""

from ingestion.presets.delivery import Delivery, check_base64
from ingestion.presets.presets import Preset


def _kind(delivery: Delivery) -> str:
    kind = delivery.content.get("type") if isinstance(delivery.content, dict) else ""
    return kind if isinstance(kind, str) else ""


PRESET = Preset(
    key="square",
    title="Square",
    # It signs the address with the body, and no time; facts have ids of their own.
    check=lambda delivery, secret, now: check_base64(
        delivery, "X-Square-HmacSha256-Signature", secret, before=delivery.url
    ),
    kind_of=_kind,
)
