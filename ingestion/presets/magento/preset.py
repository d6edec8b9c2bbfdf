"""Magento (Adobe Commerce): orders, credit memos, customers (developer.adobe.com/commerce)."""

import base64
from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA256

from ingestion.presets.delivery import Delivery, text_at
from ingestion.presets.presets import Answer, Preset
from ingestion.presets.public_keys import check_by_key, has_key


def _check(delivery: Delivery, secret: str, now: datetime) -> None:
    """Check the RSA signature of the base64 of the body, which is what Commerce signs.

    It signs no time; facts have ids of their own, so that a replay changes nothing.
    """
    signature = delivery.header("x-adobe-commerce-webhook-signature")
    check_by_key(secret, base64.b64encode(delivery.body), signature, SHA256())


PRESET = Preset(
    key="magento",
    title="Magento (Adobe Commerce)",
    check=_check,
    secret_fault=lambda secret: "" if has_key(secret) else "The public key, with its BEGIN line.",
    kind_of=lambda delivery: text_at(delivery.content, "eventName"),
    # Commerce waits for a verdict, and stops what it was doing without one.
    answer=lambda delivery, secret, now: Answer('{"op": "success"}', "application/json"),
)
