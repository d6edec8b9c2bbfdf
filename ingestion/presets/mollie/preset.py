"""Mollie: payments, refunds, chargebacks and sales invoices (docs.mollie.com, webhooks)."""

from datetime import datetime

from ingestion.presets.delivery import Delivery, check_hex, text_at
from ingestion.presets.presets import Preset


def _check(delivery: Delivery, secret: str, now: datetime) -> None:
    """Check what Mollie's newer webhooks sign; the older ones sign nothing, and say nothing."""
    if not delivery.body.startswith(b"id="):
        check_hex(delivery, "X-Mollie-Signature", secret, prefix="sha256=")


def _kind(delivery: Delivery) -> str:
    """Return the type of an event; an id alone is that of a payment."""
    return text_at(delivery.content, "type") or (
        "payment" if text_at(delivery.content, "id").startswith("tr_") else ""
    )


PRESET = Preset(
    key="mollie",
    title="Mollie",
    check=_check,
    kind_of=_kind,
    is_test=lambda content: (
        "test"
        in (text_at(content, "payment", "mode"), text_at(content, "_embedded", "entity", "mode"))
    ),
    # They name nobody: the payment does.
    ignored=frozenset({"payment-link.paid", "sales-invoice.created", "sales-invoice.issued"}),
)
