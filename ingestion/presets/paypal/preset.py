"""PayPal: orders, refunds and disputes (developer.paypal.com, webhooks)."""

import zlib
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256

from ingestion.presets.delivery import BadSignature, Delivery, check_age, text_at
from ingestion.presets.presets import Preset
from ingestion.presets.public_keys import check_by_key, has_key, text_before_keys

# PayPal tries an address for three days, and the time that it signs stays that of the first try.
RETRIES = timedelta(days=3, hours=1)


def _check(delivery: Delivery, secret: str, now: datetime) -> None:
    """Check the signature of `transmission|time|webhook|crc32 of the body`, and its age."""
    if delivery.header("paypal-auth-algo") != "SHA256withRSA":
        raise BadSignature
    sent_at = delivery.header("paypal-transmission-time")
    parts = (delivery.header("paypal-transmission-id"), sent_at, text_before_keys(secret))
    signed = "|".join((*parts, str(zlib.crc32(delivery.body))))
    check_by_key(secret, signed.encode(), delivery.header("paypal-transmission-sig"), SHA256())
    check_age(sent_at, now, RETRIES)


def _secret_fault(secret: str) -> str:
    is_whole = text_before_keys(secret) and has_key(secret)
    return "" if is_whole else "The id of the webhook, and behind it PayPal's certificate."


def _with_capture(content: Any) -> Any:
    """Return the delivery with the capture that a refund is of, which a link alone names."""
    links = content.get("resource", {}) if isinstance(content, dict) else {}
    listed = links.get("links") if isinstance(links, dict) else None
    up = (
        [text_at(link, "href") for link in listed or () if text_at(link, "rel") == "up"]
        if (isinstance(listed, list))
        else []
    )
    return {**content, "capture_id": up[0].rpartition("/")[2] if up else None}


PRESET = Preset(
    key="paypal",
    title="PayPal",
    check=_check,
    secret_fault=_secret_fault,
    kind_of=lambda delivery: text_at(delivery.content, "event_type"),
    content_of=lambda content: _with_capture(content) if isinstance(content, dict) else content,
    # A capture by itself names no payer: the order has it. An approved order is not paid yet.
    # A reversal is what a lost dispute takes, which is told by it.
    ignored=frozenset(
        {"CHECKOUT.ORDER.APPROVED", "PAYMENT.CAPTURE.COMPLETED", "PAYMENT.CAPTURE.PENDING"}
        | {"PAYMENT.CAPTURE.REVERSED", "CUSTOMER.DISPUTE.CREATED", "CUSTOMER.DISPUTE.UPDATED"}
    ),
)
