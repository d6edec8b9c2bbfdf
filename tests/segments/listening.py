"""Webhooks that a test listens by, and what it does to the people they tell of."""

from typing import Any

from django.utils import timezone

from segments.models import Delivery, ErasureNotice, Webhook
from segments.services import create_webhook, deliver, derive_told, refresh_changed
from tests.factories import TESTER, make_client, send_messages
from tests.receivers import Receiver

LYON = {"type": "trait", "key": "city", "operator": "equals", "value": "Lyon"}
SEGMENT_EVENTS = ["segment.entered", "segment.exited"]
ADA = "user_id:ada"


def listen(receiver: Receiver, *segments: Any, **options: Any) -> Webhook:
    fields = {"name": "Shop", "url": receiver.url, "events": SEGMENT_EVENTS} | options
    return create_webhook(segments=list(segments), actor=TESTER, **fields)[0]


def live_in(city: str, user_id: str = "ada") -> None:
    send_messages({"userId": user_id, "traits": {"city": city}})


def consent(state: str = "given", reference: str = ADA, **fields: Any) -> None:
    body = {"identifier": reference, "purpose": "newsletter", "state": state, "method": "api"}
    response = make_client().post("/api/v1/consents/", body | fields)
    assert response.status_code == 201, response.json()


def settle() -> None:
    """Do what workers do."""
    refresh_changed()
    derive_told()
    deliver()


def reasons(receiver: Receiver) -> list[tuple[str, str]]:
    return [
        (call.body["type"].partition(".")[2], call.body["data"]["reason"])
        for call in receiver.taken
    ]


def try_at_once(webhook: Webhook) -> None:
    """Let what waits for a later try be due now."""
    Webhook.objects.filter(pk=webhook.pk).update(retry_at=None)
    Delivery.objects.filter(webhook=webhook).update(due_at=timezone.now())
    ErasureNotice.objects.filter(webhook=webhook).update(due_at=timezone.now())
