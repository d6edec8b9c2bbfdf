"""Twilio SendGrid: bounces, complaints, refusals (twilio.com/docs/sendgrid, Event Webhook)."""

from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256

from ingestion.presets.delivery import BadSignature, Delivery, check_seconds
from ingestion.presets.presets import Preset
from ingestion.presets.public_keys import check_by_key, has_key
from profiles.lib import exact_json

_HEADER = "X-Twilio-Email-Event-Webhook"


def _check(delivery: Delivery, secret: str, now: datetime) -> None:
    """Check the ECDSA signature of the time and the body, and the age."""
    seconds = delivery.header(f"{_HEADER}-Timestamp")
    if not seconds.isascii():
        raise BadSignature
    signed = seconds.encode() + delivery.body
    check_by_key(_key(secret), signed, delivery.header(f"{_HEADER}-Signature"), SHA256())
    check_seconds(seconds, now)


def _key(secret: str) -> str:
    """Return the key as a block: SendGrid shows its base64 alone."""
    if "-----BEGIN" in secret:
        return secret
    return f"-----BEGIN PUBLIC KEY-----\n{secret}\n-----END PUBLIC KEY-----"


def _read(delivery: Delivery) -> Any:
    """Return the events under a name: SendGrid sends a list."""
    return {"events": exact_json.read(delivery.body)}


PRESET = Preset(
    key="sendgrid",
    title="SendGrid",
    check=_check,
    secret_fault=lambda secret: "" if has_key(_key(secret)) else "SendGrid's verification key.",
    read=_read,
    kind_of=lambda delivery: "events",
)
