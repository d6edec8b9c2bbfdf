"""HubSpot: contacts (developers.hubspot.com, webhooks)."""

import base64
import hmac
from datetime import datetime
from typing import Any

from ingestion.presets.delivery import BadSignature, Delivery, check_seconds
from ingestion.presets.presets import Preset
from profiles.lib import exact_json


def _check(delivery: Delivery, secret: str, now: datetime) -> None:
    """Check version 3: method, address, body and time, which is five minutes ago at most."""
    milliseconds = delivery.header("X-HubSpot-Request-Timestamp")
    signed = b"POST" + delivery.url.encode() + delivery.body + milliseconds.encode()
    made = base64.b64encode(hmac.digest(secret.encode(), signed, "sha256"))
    if not hmac.compare_digest(made, delivery.header("X-HubSpot-Signature-v3").encode()):
        raise BadSignature
    check_seconds(milliseconds[:-3], now)


def _read(delivery: Delivery) -> Any:
    """Return the events of a delivery, which is a list of them."""
    return {"events": exact_json.read(delivery.body)}


PRESET = Preset(
    key="hubspot",
    title="HubSpot",
    check=_check,
    read=_read,
    # One delivery has events of many kinds.
    kind_of=lambda delivery: "events",
)
