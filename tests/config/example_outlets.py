"""What leaves the example world, and who belongs where: segments, mails, automations, receivers."""

from typing import Any

from django.contrib.auth import get_user_model
from rest_framework.test import APIClient

from consent.models import Purpose
from segments.models import Override, Segment
from segments.services import (
    Decision,
    NewDestination,
    add_codes,
    add_people,
    advance,
    archive_segment,
    create_automation,
    create_computed_trait,
    create_destination,
    create_family,
    create_group,
    create_list,
    create_mail_template,
    create_pool,
    create_segment,
    create_webhook,
    derive_told,
    pause_automation,
    publish_automation,
    rebuild,
    recompute_family,
    refresh_changed,
    set_overrides,
)
from tests.factories import TESTER, send_messages

ADA = "email:ada@example.org"


HELLO: dict[str, Any] = {
    "trigger": {"type": "event", "name": "Signed Up"},
    "steps": [{"type": "wait", "for": {"days": 3}}],
}
LYON = {"type": "trait", "key": "city", "operator": "equals", "value": "Lyon"}


def make_segments(purpose: Purpose) -> None:
    """Make a segment with a label of each kind, one beside it, and one that was archived."""
    create_segment(
        key="everybody",
        name="Everybody",
        definition={"type": "everyone"},
        status="live",
        actor=TESTER,
    )
    owner = get_user_model()._default_manager.create(username="ada", is_staff=True)
    for city in ("Paris", "Lyon"):
        create_segment(
            key=f"customers-in-{city.lower()}",
            name=f"Customers in {city}",
            definition=LYON | {"value": city},
            purpose=purpose,
            status="live",
            actor=TESTER,
            folder="Regions",
            tags=["city"],
            owner=owner,
        )
        if city == "Paris":
            archive_segment(Segment.objects.get(key="customers-in-paris"), actor=TESTER)
    rebuild(["customers-in-lyon", "everybody"])
    add_people(create_list(key="guests", name="Guests", actor=TESTER), [ADA], actor=TESTER)
    everybody = Segment.objects.get(key="everybody")
    kept = Decision(Override.Kind.INCLUDE, "A friend of the house.")
    set_overrides(everybody, [ADA], kept, actor=TESTER)
    create_group(key="offers", name="Offers", segments=["customers-in-lyon"], actor=TESTER)
    event = "Order Completed"
    families = [
        create_family(
            kind="rfm", key="buyers", name="Buyers", event=event, value="revenue", actor=TESTER
        ),
        create_family(
            kind="life_cycle", key="shoppers", name="Shoppers", event=event, actor=TESTER
        ),
    ]
    for family in families:
        recompute_family(family)
    large = {"type": "property", "key": "revenue", "operator": "gte", "value": 1000}
    create_computed_trait(
        key="large_orders",
        label="Large orders",
        definition={"name": event, "where": large},
        actor=TESTER,
    )
    refresh_changed()


def export_members(service: APIClient) -> str:
    query = {"format": "csv", "columns": "id,trait.city"}
    response: Any = service.get("/api/v1/segments/customers-in-lyon/export/", query)
    assert b"Lyon" in b"".join(response.streaming_content)
    return str(response["Tessera-Export"])


def link_members(service: APIClient) -> str:
    """Make a link that nobody has used, and return the id of its export."""
    body = {"segment": "customers-in-lyon", "format": "csv"}
    return str(service.post("/api/v1/exports/", body, format="json").json()["id"])


def make_pool() -> None:
    """Make a pool with two codes."""
    row = create_pool(
        key="summer",
        name="Summer",
        alert_below=100,
        event="Order Completed",
        property="coupon",
        actor=TESTER,
    )
    add_codes(row, ["SUN-7YH4", "SUN-9KTX"], actor=TESTER)


def make_mail_template() -> None:
    """Save a mail template in both languages."""
    create_mail_template(
        key="hello",
        name="Hello",
        texts={
            "en": {"subject": "Hello {{ first_name | there }}", "body": "<mj-text>Well?</mj-text>"},
            "fr": {
                "subject": "Bonjour {{ first_name | à vous }}",
                "body": "<mj-text>Alors ?</mj-text>",
            },
        },
        actor=TESTER,
    )


def make_automations(purpose: Purpose) -> None:
    """Publish an automation, and pause another one."""
    for key, name in (("hello", "Hello"), ("slow-hello", "Slow hello")):
        row = create_automation(key=key, name=name, purpose=purpose, definition=HELLO, actor=TESTER)
        publish_automation(row, actor=TESTER)
    pause_automation(row, actor=TESTER)
    send_messages({"type": "track", "event": "Signed Up", "userId": "42"})
    refresh_changed()
    advance()


def make_webhook() -> str:
    """Make a webhook that is about to be told who is in a segment."""
    webhook, _ = create_webhook(
        name="Shop backend",
        url="https://shop.example/hooks/tessera",
        events=["segment.entered", "segment.exited"],
        segments=[Segment.objects.get(key="customers-in-lyon")],
        actor=TESTER,
    )
    derive_told()
    return str(webhook.pk)


def make_destination(purpose: Any) -> str:
    """Make a destination that is about to be sent who is in a segment."""
    destination = create_destination(
        NewDestination(
            name="Voucher service",
            tool="http",
            segments=[Segment.objects.get(key="customers-in-lyon")],
            purpose=purpose,
            settings={
                "address": "https://loyalty.example/people",
                "auth": "bearer",
                "batch": "100",
            },
            mapping={"id": "id", "body": {"id": "id", "city": "traits.city"}},
        ),
        actor=TESTER,
    )
    derive_told()
    return str(destination.pk)
