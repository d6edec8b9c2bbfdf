"""Automations that a test publishes, and the time that it lets pass."""

from datetime import datetime, timedelta
from typing import Any

from django.core import mail
from django.utils import timezone

from consent.models import Purpose
from segments.models import Automation, AutomationDecision, AutomationRun
from segments.services import (
    advance,
    create_automation,
    publish_automation,
    refresh_changed,
    send_mails,
)
from tests.factories import TESTER, make_purpose, send_messages

ADA = {"email": "ada@example.org", "first_name": "Ada"}
MAIL = {
    "type": "mail",
    "texts": {
        "en": {"subject": "Hello {{ first_name | there }}", "text": "Well?\n"},
        "fr": {"subject": "Bonjour {{ first_name | à vous }}", "text": "Alors ?\n"},
    },
}
SIGNED_UP = {"type": "event", "name": "Signed Up"}
ALWAYS_PERMITTED = "legitimate_interest"


def publish(*steps: Any, trigger: Any = SIGNED_UP, key: str = "flow", **options: Any) -> Automation:
    """Publish an automation for a purpose that everybody permits who did not object."""
    purpose = Purpose.objects.filter(key="service").first() or make_purpose(
        "service", now=timezone.now(), legal_basis=ALWAYS_PERMITTED
    )
    definition = {"trigger": trigger, "steps": list(steps), **options}
    row = create_automation(
        key=key, name=key.title(), purpose=purpose, definition=definition, actor=TESTER
    )
    return publish_automation(row, actor=TESTER)


def do(event: str, user_id: str = "ada", *, at: datetime | None = None, **properties: Any) -> None:
    """Let somebody do something, and have workers notice."""
    message = {"type": "track", "event": event, "userId": user_id, "properties": properties}
    if at is not None:
        message["timestamp"] = at.isoformat()
    traits = ADA | {"email": f"{user_id}@example.org"}
    send_messages({"type": "identify", "userId": user_id, "traits": traits}, message)
    refresh_changed()


def pass_time(**span: float) -> None:
    """Let workers look after some time, and send what waits."""
    advance(now=timezone.now() + timedelta(**span))
    send_mails()


def decided() -> list[tuple[str, str]]:
    rows = AutomationDecision.objects.order_by("run_id", "id")
    return [(row.kind, row.branch or row.outcome) for row in rows]


def states() -> list[tuple[str, str]]:
    return list(AutomationRun.objects.order_by("id").values_list("state", "reason"))


def subjects() -> list[str]:
    return [str(message.subject) for message in mail.outbox]
