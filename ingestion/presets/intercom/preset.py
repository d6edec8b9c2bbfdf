"""Intercom: contacts (developers.intercom.com, webhooks)."""

from ingestion.presets.delivery import Delivery, check_hex
from ingestion.presets.presets import Preset


def _kind(delivery: Delivery) -> str:
    kind = delivery.content.get("topic") if isinstance(delivery.content, dict) else ""
    return kind if isinstance(kind, str) else ""


PRESET = Preset(
    key="intercom",
    title="Intercom",
    # SHA-1 is Intercom's own choice; as an HMAC it is not broken. It signs no time, and facts have
    # ids of their own.
    check=lambda delivery, secret, now: check_hex(
        delivery, "X-Hub-Signature", secret, prefix="sha1=", algorithm="sha1"
    ),
    kind_of=_kind,
    ignored=frozenset({"ping"}),
)
