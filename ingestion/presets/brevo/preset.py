"""Brevo: refusals and bounces (developers.brevo.com, marketing webhooks)."""

from ingestion.presets.delivery import Delivery, take_unsigned
from ingestion.presets.presets import Preset


def _kind(delivery: Delivery) -> str:
    kind = delivery.content.get("event") if isinstance(delivery.content, dict) else ""
    return kind if isinstance(kind, str) else ""


PRESET = Preset(
    key="brevo",
    title="Brevo",
    check=take_unsigned,
    is_signed=False,
    kind_of=_kind,
    # Who opened a mail is asked for a purpose of its own.
    ignored=frozenset({"delivered", "opened", "click", "proxy_open"}),
)
