"""Destinations that a test makes, and what it does to have them called at once."""

from typing import Any

from django.utils import timezone

from consent.models import Purpose
from segments.models import Delivery, Destination, ErasureNotice, Webhook
from segments.services import NewDestination, create_destination, create_segment, rebuild
from tests.factories import TESTER, send_messages
from tests.tools import People


def send_to(tool: str, *segments: Any, **fields: Any) -> Destination:
    if "purpose" not in fields:
        fields["purpose"] = Purpose.objects.get(key="newsletter")
    fields = {"name": "Tool"} | fields
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


BY_EMAIL = {"id": "email", "body": {"id": "email", "city": "traits.city", "in": "segments"}}


def to_people(people: People, *segments: Any, **fields: Any) -> Destination:
    own = {"address": people.url, "batch": "10"} | fields.pop("settings", {})
    return send_to("http", *segments, **{"settings": own, "mapping": BY_EMAIL} | fields)


def known(name: str = "ada", city: str = "Lyon", **traits: Any) -> None:
    traits = {"city": city, "email": f"{name}@example.org"} | traits
    send_messages({"userId": name, "traits": traits})


def make_everyone(key: str = "all", **fields: Any) -> Any:
    fields = {"definition": {"type": "everyone"}, "purpose": None} | fields
    segment = create_segment(key=key, name=key, status="live", actor=TESTER, **fields)
    rebuild([key])
    return segment
