"""Zendesk: users and tickets (developer.zendesk.com, event webhooks)."""

from datetime import datetime

from ingestion.presets.delivery import Delivery, check_age, check_base64
from ingestion.presets.presets import Preset

_SIGNATURE = "X-Zendesk-Webhook-Signature"
_TIME = "X-Zendesk-Webhook-Signature-Timestamp"


def _check(delivery: Delivery, secret: str, now: datetime) -> None:
    signed_at = delivery.header(_TIME)
    check_base64(delivery, _SIGNATURE, secret, before=signed_at)
    check_age(signed_at, now)


def _kind(delivery: Delivery) -> str:
    kind = delivery.content.get("type") if isinstance(delivery.content, dict) else ""
    return kind.removeprefix("zen:event-type:") if isinstance(kind, str) else ""


PRESET = Preset(key="zendesk", title="Zendesk", check=_check, kind_of=_kind)
