"""Postmark: bounces, complaints, refusals (postmarkapp.com/developer/webhooks)."""

import base64
import hmac
from datetime import datetime

from ingestion.presets.delivery import BadSignature, Delivery, text_at
from ingestion.presets.presets import Preset


def _check(delivery: Delivery, secret: str, now: datetime) -> None:
    """Check the user and password of the address, which is how Postmark proves itself."""
    made = b"Basic " + base64.b64encode(secret.encode())
    if not hmac.compare_digest(made, delivery.header("authorization").encode()):
        raise BadSignature


PRESET = Preset(
    key="postmark",
    title="Postmark",
    check=_check,
    secret_fault=lambda secret: "" if ":" in secret else "A user name, a colon, a password.",
    kind_of=lambda delivery: text_at(delivery.content, "RecordType"),
    # Who opened a mail is asked for a purpose of its own.
    ignored=frozenset({"Delivery", "Open", "Click", "SMTPApiError"}),
)
