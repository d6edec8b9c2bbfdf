"""Mailgun: bounces, complaints, refusals (documentation.mailgun.com, webhooks)."""

import hmac
from datetime import datetime
from typing import Any

from ingestion.presets.delivery import BadSignature, Delivery, check_seconds, text_at
from ingestion.presets.presets import Preset
from profiles.lib import exact_json
from profiles.lib.exact_json import UnreadableJSON


def _check(delivery: Delivery, secret: str, now: datetime) -> None:
    """Check the HMAC-SHA256 of a time and a token that the body has, and the age.

    Mailgun's own rule: it does not sign what the body says beside them.
    """
    try:
        content = exact_json.read(delivery.body)
    except UnreadableJSON:
        raise BadSignature from None
    seconds = text_at(content, "signature", "timestamp")
    signed = seconds + text_at(content, "signature", "token")
    made = hmac.new(secret.encode(), signed.encode(), "sha256").hexdigest()
    if not hmac.compare_digest(made.encode(), text_at(content, "signature", "signature").encode()):
        raise BadSignature
    check_seconds(seconds, now)


def _event(content: Any) -> Any:
    return content.get("event-data") if isinstance(content, dict) else None


PRESET = Preset(
    key="mailgun",
    title="Mailgun",
    check=_check,
    kind_of=lambda delivery: text_at(_event(delivery.content), "event"),
    content_of=_event,
    # Who opened a mail is asked for a purpose of its own.
    ignored=frozenset({"accepted", "delivered", "opened", "clicked", "stored"}),
)
