"""Mailchimp: subscribers of an audience (mailchimp.com/developer, audience webhooks), as forms."""

from ingestion.presets.delivery import Delivery, take_unsigned
from ingestion.presets.presets import Preset


def _kind(delivery: Delivery) -> str:
    kind = delivery.content.get("type") if isinstance(delivery.content, dict) else ""
    return kind if isinstance(kind, str) else ""


PRESET = Preset(
    key="mailchimp",
    title="Mailchimp",
    check=take_unsigned,
    is_signed=False,
    is_tried_by_get=True,
    kind_of=_kind,
    ignored=frozenset({"campaign"}),
)
