"""Deliveries to the webhooks of shops and tools: what they change, and what is refused."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from ingestion.models import DroppedCount, Hook, InboxRow
from ingestion.presets.presets import ROOT
from ingestion.services import drain_inbox, register_hook
from profiles.models import Event, Profile
from tests.admin import sign_in
from tests.factories import TESTER, profile_of
from tests.ingestion.hook_signatures import (
    SECRET,
    SIGNED_BY,
    secret_of,
)

NOW = datetime(2026, 3, 15, 10, 30, tzinfo=UTC)


def deliver(client: Client, address: str, tool: str, name: str, **changes: Any) -> Any:
    fixture = json.loads((ROOT / tool / "fixtures" / f"{name}.json").read_text())
    body = json.dumps(fixture["body"] | changes).encode()
    headers = fixture["headers"] | SIGNED_BY[tool](body, datetime.now(UTC))
    return client.post(address, body, content_type="application/json", headers=headers)


def make_hook(tool: str = "shopify", **more: Any) -> str:
    source, token = register_hook("shop", preset=tool, secret=SECRET, actor=TESTER, **more)
    return f"/hooks/{source.key}/{token}/"


@pytest.mark.django_db
def test_the_first_order_of_a_shop_is_on_a_profile_with_its_net_value(client: Client) -> None:
    address = make_hook()
    answer = deliver(client, address, "shopify", "order-created-by-an-account")
    assert (answer.status_code, answer.json()["messages"]) == (200, 2)
    drain_inbox()
    ada = profile_of("email:ada@example.org")
    assert ada.traits["city"] == "Lyon"
    event = Event.objects.get(profile=ada)
    assert event.value == Decimal("91.67")
    assert profile_of("shopify_customer:6401231716459") == ada
    # What is told again, in whatever order, changes nothing but by what is new.
    deliver(client, address, "shopify", "order-in-part-refunded")
    deliver(client, address, "shopify", "order-created-by-an-account")
    drain_inbox()
    values = Event.objects.filter(profile=ada).values_list("name__name", "value")
    assert dict(values) == {"Order Completed": Decimal("91.67"), "Order Refunded": Decimal("15.28")}


@pytest.mark.django_db
def test_what_a_guest_typed_is_a_claim(client: Client) -> None:
    address = make_hook()
    deliver(client, address, "shopify", "order-created-by-an-account")
    drain_inbox()
    ada = profile_of("email:ada@example.org")
    guest = json.loads((ROOT / "shopify/fixtures/order-of-a-guest-taxes-added.json").read_text())
    customer = guest["body"]["customer"] | {"email": "ada@example.org", "first_name": "Mallory"}
    deliver(client, address, "shopify", "order-of-a-guest-taxes-added", customer=customer)
    drain_inbox()
    ada.refresh_from_db()
    assert ada.traits["first_name"] == "Ada"


@pytest.mark.django_db
def test_what_is_not_signed_not_known_or_no_json_is_refused(client: Client) -> None:
    address = make_hook()
    body = b'{"id": 1}'
    post: dict[str, Any] = {"content_type": "application/json"}
    assert client.post(address, body, **post).status_code == 401
    assert client.post(address[:-2] + "x/", body, **post).status_code == 404
    assert client.get(address).status_code == 405
    for wrong in (b"not json", b"[1]"):
        signed = SIGNED_BY["shopify"](wrong, NOW)
        assert client.post(address, wrong, headers=signed, **post).status_code == 400
    large = b" " * (1024 * 1024 + 1)
    assert client.post(address, large, **post).status_code == 413
    assert not InboxRow.objects.exists()


@pytest.mark.django_db
def test_a_tool_that_sends_too_much_is_429_and_told_when_to_send_again(
    client: Client, settings: Any
) -> None:
    settings.TRACKING_MESSAGES_PER_MINUTE = 2
    address, body = make_hook(), b"{}"
    post: dict[str, Any] = {"content_type": "application/json"}

    def answers(headers: dict[str, str]) -> list[Any]:
        return [client.post(address, body, headers=headers, **post) for _ in range(3)]

    assert [each.status_code for each in answers({})] == [401] * 3
    signed = SIGNED_BY["shopify"](body, NOW)
    limited = answers(signed)[-1]
    if limited.status_code == 200:  # a new minute began in between
        limited = answers(signed)[-1]
    assert limited.status_code == 429
    assert 0 < int(limited["Retry-After"]) <= 60


@pytest.mark.django_db
def test_what_means_nothing_is_answered_and_counted(client: Client) -> None:
    address = make_hook()
    deliver(client, address, "shopify", "order-of-a-test")
    deliver(client, address, "shopify", "order-without-a-customer")
    body = b"{}"
    headers = SIGNED_BY["shopify"](body, NOW) | {"X-Shopify-Topic": "themes/publish"}
    assert client.post(address, body, content_type="application/json", headers=headers).status_code
    counted = dict(DroppedCount.objects.values_list("reason", "count"))
    assert counted == {"test_delivery": 1, "no_person": 1, "unknown_kind": 1}


@pytest.mark.django_db
def test_the_ping_of_woocommerce_is_answered(client: Client) -> None:
    address = make_hook("woocommerce")
    answer = client.post(address, b"webhook_id=12", "application/x-www-form-urlencoded")
    assert answer.status_code == 200


@pytest.mark.django_db
def test_the_command_prints_the_address_and_the_secret_is_sealed(client: Client) -> None:
    out = StringIO()
    arguments = ["shop", "--preset", "shopify", "--secret", SECRET]
    call_command("create_source", *arguments, stdout=out)
    address = out.getvalue().splitlines()[-1]
    assert deliver(client, address, "shopify", "order-created-by-an-account").status_code == 200
    assert SECRET.encode() not in bytes(Hook.objects.get().sealed_secret)
    with pytest.raises(CommandError):
        call_command("create_source", "other", "--preset", "shopify", stdout=StringIO())
    with pytest.raises(CommandError):
        call_command("create_source", "other", stdout=StringIO())


@pytest.mark.django_db
def test_a_tool_of_your_own_is_mapped_by_a_file(client: Client, tmp_path: Path) -> None:
    fact: dict[str, object] = {"call": "track", "event": "Voted", "id": "text(id)", "time": "at"}
    fact |= {"who": {"email": "voter.mail"}, "properties": {"choice": "choice"}}
    mapping = tmp_path / "kinds.json"
    mapping.write_text(json.dumps({"kinds": {"*": [fact]}}))
    out = StringIO()
    arguments = ["votes", "--preset", "custom", "--secret", SECRET, "--mapping", str(mapping)]
    call_command("create_source", *arguments, stdout=out)
    body = json.dumps(
        {"id": 7, "at": "2026-03-15", "voter": {"mail": "a@example.org"}, "choice": 1}
    )
    answer = client.post(
        out.getvalue().splitlines()[-1],
        body,
        content_type="application/json",
        headers=SIGNED_BY["custom"](body.encode(), NOW),
    )
    assert answer.json()["messages"] == 1
    drain_inbox()
    assert Event.objects.get().properties == {"choice": 1}
    assert Profile.objects.count() == 1


@pytest.mark.django_db
def test_answers_to_a_survey_are_zero_party_and_orders_of_a_shop_first_party() -> None:
    parties = {
        tool: register_hook(tool, preset=tool, secret=secret_of(tool), actor=TESTER)[0].party
        for tool in ("typeform", "shopify")
    }
    assert parties == {"typeform": "zero", "shopify": "first"}


@pytest.mark.django_db
def test_staff_connect_a_shop_and_see_its_address_once() -> None:
    client = sign_in("admin")
    url = reverse("admin:ingestion_hook_connect")
    assert "Shopify" in client.get(url).content.decode()
    form = {"preset": "shopify", "key": "shop", "name": "Shop", "secret": SECRET}
    answer = client.post(url, form)
    address = answer.context["secret"]
    assert "no-store" in answer["Cache-Control"]
    assert SECRET not in answer.content.decode()
    delivered = deliver(Client(), address, "shopify", "order-created-by-an-account")
    assert delivered.status_code == 200
    again = client.post(url, form)
    assert SECRET not in again.content.decode()
    assert Hook.objects.count() == 1


@pytest.mark.django_db
def test_a_tool_that_signs_nothing_sends_forms_to_a_secret_address(client: Client) -> None:
    source, token = register_hook("news", preset="mailchimp", secret="", actor=TESTER)
    address = f"/hooks/{source.key}/{token}/"
    assert client.get(address).status_code == 200
    fixture = json.loads((ROOT / "mailchimp/fixtures/subscribed.json").read_text())
    form = urlencode(fixture["body"])
    kind = "application/x-www-form-urlencoded"
    assert client.post(address, form, content_type=kind).json()["messages"] == 1
    drain_inbox()
    assert profile_of("email:ada@example.org").traits["first_name"] == "Ada"
