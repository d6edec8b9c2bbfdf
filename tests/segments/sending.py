"""Destinations that a test makes, and what it does to have them called at once."""

from typing import Any

from django.utils import timezone

from consent.models import Purpose
from segments.models import Delivery, Destination, ErasureNotice, Webhook
from segments.services import NewDestination, create_destination
from tests.factories import TESTER


def send_to(tool: str, *segments: Any, **fields: Any) -> Destination:
    fields = {"name": "Tool", "purpose": Purpose.objects.get(key="newsletter")} | fields
    return create_destination(
        NewDestination(tool=tool, segments=list(segments), **fields), actor=TESTER
    )


def call_at_once(destination: Destination) -> None:
    """Let what waits for a later try be due now."""
    Webhook.objects.filter(pk=destination.pk).update(retry_at=None)
    Destination.objects.filter(pk=destination.pk).update(next_call_at=None)
    Delivery.objects.filter(webhook_id=destination.pk).update(due_at=timezone.now())
    ErasureNotice.objects.filter(webhook_id=destination.pk).update(due_at=timezone.now())


def log_of(destination: Destination) -> list[tuple[str, str, str]]:
    """The state, kind and reason of each delivery, the oldest first."""
    rows = Delivery.objects.filter(webhook_id=destination.pk).order_by("pk")
    return [(row.state, row.event.partition(".")[2], row.body["data"]["reason"]) for row in rows]
