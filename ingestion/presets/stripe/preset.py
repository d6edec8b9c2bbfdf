"""Stripe: check-outs, invoices, refunds and customers (docs.stripe.com, webhooks)."""

from typing import Any

from ingestion.presets.delivery import Delivery, check_dated
from ingestion.presets.presets import Preset


def _kind(delivery: Delivery) -> str:
    kind = delivery.content.get("type") if isinstance(delivery.content, dict) else ""
    return kind if isinstance(kind, str) else ""


def _object(content: Any) -> Any:
    """Return the object of an event, with what it was before beside it."""
    happened = _dict(content.get("data"))
    event = {"event_at": content.get("created"), "event_id": content.get("id")}
    previous = _dict(happened.get("previous_attributes"))
    return {**_dict(happened.get("object")), "previous": previous, **event}


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


PRESET = Preset(
    key="stripe",
    title="Stripe",
    check=lambda delivery, secret, now: check_dated(delivery, "Stripe-Signature", secret, now),
    kind_of=_kind,
    content_of=_object,
    is_test=lambda content: content.get("livemode") is False,
    # Of one payment Stripe tells by several events: these say less than the check-out and the
    # invoice, which have tax and shipping.
    ignored=frozenset({"payment_intent.succeeded", "invoice.payment_succeeded", "refund.created"}),
)
