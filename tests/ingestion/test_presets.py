"""Webhooks of shops and tools: every folder, every kind of delivery, every signature."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.models import DroppedCount, Hook, InboxRow
from ingestion.presets.delivery import BadSignature, Delivery
from ingestion.presets.facts import WrongMapping
from ingestion.presets.mapping import HookMessage, map_delivery
from ingestion.presets.presets import ROOT, load_kinds, load_preset, parse_kinds, preset_keys
from ingestion.services import drain_inbox, register_hook
from profiles.lib import exact_json
from profiles.lib.expressions import evaluate
from profiles.models import Event, Profile
from tests.admin import sign_in
from tests.factories import TESTER, profile_of
from tests.ingestion.hook_signatures import (
    BY_PASSWORD,
    SECRET,
    SIGNED_BY,
    SIGNED_IN_THE_BODY,
    URL,
    secret_of,
)
from tests.tries import tries

NOW = datetime(2026, 3, 15, 10, 30, tzinfo=UTC)
FIXTURES = sorted(ROOT.glob("*/fixtures/*.json"))
WHOLE = {"call": "track", "event": "Voted", "id": "id", "time": "at", "who": {"email": "e"}}
TOOLS = [key for key in preset_keys() if key != "custom"]


def plain(message: HookMessage) -> dict[str, Any]:
    """Return a message as fixtures write it: without what is empty."""
    content = {name: value for name, value in message.content.items() if value not in (None, {})}
    context = content.pop("context")
    if context["externalIds"]:
        content["ids"] = {each["type"]: each["id"] for each in context["externalIds"]}
    if context.get("traits"):
        content["contact"] = context["traits"]
    if "consent" in context:
        content["consents"] = context["consent"]["categoryPreferences"]
    return {"verified": message.is_verified, **content}


def delivery_of(fixture: dict[str, Any]) -> Delivery:
    body = exact_json.dump_bytes(fixture["body"])
    headers = {name.lower(): value for name, value in fixture["headers"].items()}
    return Delivery(body, headers, exact_json.read(body))


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_each_delivery_becomes_what_its_fixture_says(path: Path) -> None:
    fixture, tool = exact_json.loads(path.read_bytes()), path.parts[-3]
    delivery, preset = delivery_of(fixture), load_preset(tool)
    if preset.is_test(delivery.content):
        assert fixture["becomes"] == {"messages": [], "left_out": ["test_delivery"]}
        return
    facts = load_kinds(tool)[preset.kind_of(delivery)]
    mapped = map_delivery(tool, facts, preset.content_of(delivery.content))
    messages = exact_json.loads(exact_json.dump_bytes([plain(each) for each in mapped.messages]))
    assert messages == fixture["becomes"]["messages"]
    assert mapped.left_out == fixture["becomes"]["left_out"]


@pytest.mark.parametrize("tool", TOOLS)
def test_each_kind_of_a_tool_has_a_fixture_and_each_tool_a_page(tool: str) -> None:
    shown = set()
    for path in (ROOT / tool / "fixtures").glob("*.json"):
        shown.add(load_preset(tool).kind_of(delivery_of(json.loads(path.read_text()))))
    assert shown == set(load_kinds(tool))
    assert load_preset(tool).title in (ROOT / tool / "README.md").read_text()


@pytest.mark.parametrize("tool", SIGNED_BY)
def test_a_signature_is_that_of_the_body_and_the_secret(tool: str) -> None:
    body, check = b'{"id": 1}', load_preset(tool).check
    headers = {name.lower(): value for name, value in SIGNED_BY[tool](body, NOW).items()}
    right = secret_of(tool)
    check(Delivery(body, headers, url=URL), right, NOW)
    refused = [
        (Delivery(body + b" ", headers, url=URL), right),
        (Delivery(body, headers, url=URL), "another"),
        (Delivery(body, {}, url=URL), right),
        (Delivery(body, dict.fromkeys(headers, ""), url=URL), right),
        (Delivery(body, dict.fromkeys(headers, "t=x,v1=é"), url=URL), right),
    ]
    for delivery, secret in refused:
        with pytest.raises(BadSignature):
            check(delivery, secret, NOW)


def test_each_tool_that_signs_is_held_against_its_own_rule() -> None:
    signed = {key for key in preset_keys() if load_preset(key).is_signed}
    assert signed == SIGNED_BY.keys() | SIGNED_IN_THE_BODY.keys() | set(BY_PASSWORD)


@pytest.mark.parametrize("tool", SIGNED_IN_THE_BODY)
def test_a_form_that_has_its_own_signature_is_checked(tool: str) -> None:
    body, check = SIGNED_IN_THE_BODY[tool], load_preset(tool).check
    check(Delivery(body, {}), secret_of(tool), NOW)
    other = body
    for right, wrong in (
        (b"1000037", b"1000038"),
        (b"bt_payload=P", b"bt_payload=Q"),
        (b'"a1b2"', b'"a1b3"'),
        (b"22b80b92", b"22b80b93"),
    ):
        other = other.replace(right, wrong)
    for wrong, secret in [
        (other, ""),
        (body, "public:another"),
        (b"", ""),
        (b"bt_payload=\xff&REFNO=\xff", ""),
    ]:
        with pytest.raises(BadSignature):
            check(Delivery(wrong, {}), secret or secret_of(tool), NOW)


@pytest.mark.parametrize(
    "tool", ["bigcommerce", "edd", "etsy", "hubspot", "prestashop", "stripe", "zendesk"]
)
def test_a_delivery_that_was_signed_long_ago_is_a_replay(tool: str) -> None:
    body, check = b"{}", load_preset(tool).check
    headers = {name.lower(): value for name, value in SIGNED_BY[tool](body, NOW).items()}
    secret = secret_of(tool)
    check(Delivery(body, headers, url=URL), secret, NOW + timedelta(minutes=4))
    for late in (timedelta(minutes=6), timedelta(minutes=-6)):
        with pytest.raises(BadSignature):
            check(Delivery(body, headers, url=URL), secret, NOW + late)


def test_paypal_tries_again_for_three_days() -> None:
    headers = {name.lower(): value for name, value in SIGNED_BY["paypal"](b"{}", NOW).items()}
    check, secret = load_preset("paypal").check, secret_of("paypal")
    check(Delivery(b"{}", headers), secret, NOW + timedelta(days=3))
    with pytest.raises(BadSignature):
        check(Delivery(b"{}", headers), secret, NOW + timedelta(days=4))


def test_a_delivery_that_is_signed_for_another_address_is_refused() -> None:
    headers = {name.lower(): value for name, value in SIGNED_BY["square"](b"{}", NOW).items()}
    with pytest.raises(BadSignature):
        load_preset("square").check(Delivery(b"{}", headers, url=URL + "x"), SECRET, NOW)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(max_examples=tries(60), deadline=None)
@given(st.sampled_from(FIXTURES), st.data())
def test_a_delivery_with_parts_missing_or_of_another_kind_breaks_nothing(
    path: Path, data: Any
) -> None:
    content, tool = exact_json.loads(path.read_bytes())["body"], path.parts[-3]
    for name in data.draw(st.lists(st.sampled_from(sorted(content)), max_size=4)):
        content[name] = data.draw(JSON)
    preset = load_preset(tool)
    for facts in load_kinds(tool).values():
        for message in map_delivery(tool, facts, preset.content_of(content)).messages:
            exact_json.dump_bytes(message.content)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("minus('10.10', '0.20')", Decimal("9.90")),
        ("minus('10.10', missing)", Decimal("10.10")),
        ("minus(missing, '1')", None),
        ("minor(`1999`, 'eur')", Decimal("19.99")),
        ("minor(`1999`, 'JPY')", Decimal("1999")),
        ("minor(`1999`, 'kwd')", Decimal("1.999")),
        ("sum_of(['1.10', ['2.20', null_], 'x'])", Decimal("3.30")),
        ("share('38.00', ['90.00', '114.00'])", Decimal("30.00")),
        ("share('38.00', ['90.00', '0'])", None),
        ("epoch(`1773570600`)", "2026-03-15T10:30:00+00:00"),
        ("utc('2026-03-15T10:30:00')", "2026-03-15T10:30:00Z"),
        ("text(`42`)", "42"),
        ("plus('1', true_)", Decimal(1)),
        ("epoch('never')", None),
        ("epoch('1e999999999999')", None),
        ("decimal('-1e999999999999')", None),
        ("decimal('1e-999999999999')", None),
    ],
)
def test_expressions_compute_exactly(expression: str, value: object) -> None:
    assert evaluate(expression, {}) == value


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
    fact = {"call": "track", "event": "Voted", "id": "text(id)", "time": "at"}
    fact |= {"who": {"email": "voter.mail"}, "properties": {"choice": "choice"}}  # type: ignore[dict-item]
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


@pytest.mark.parametrize(
    ("fact", "path"),
    [
        ({}, "kinds.*[0].call"),
        ({"call": "track", "id": "id", "time": "at", "who": {"email": "e"}}, "kinds.*[0].event"),
        ({"call": "identify", "id": "id", "time": "at", "who": {"mail": "e"}}, "kinds.*[0].who"),
        ({"call": "identify", "id": "id(", "time": "at", "who": {"email": "e"}}, "kinds.*[0].id"),
        ({"call": "identify", "id": "id", "who": {"email": "e"}}, "kinds.*[0].time"),
        ({"call": "identify", "more": "x"}, "kinds.*[0].more"),
        (
            {"call": "identify", "id": "id", "time": "at", "who": {"identifiers": "all"}},
            "kinds.*[0].who.identifiers",
        ),
        (WHOLE | {"each": {"a": "items"}}, "kinds.*[0].each"),
        (WHOLE | {"who": {"email": {"a": "e"}}}, "kinds.*[0].who.email"),
        (WHOLE | {"event": " "}, "kinds.*[0].event"),
        (WHOLE | {"event": "e" * 256}, "kinds.*[0].event"),
        (WHOLE | {"when": "(" * 15_000}, "kinds.*[0].when"),
        (WHOLE | {"properties": {"a": "b" * 20_001}}, "kinds.*[0].properties.a"),
        (WHOLE | {"properties": {"a": {"b": ["c"]}}}, "kinds.*[0].properties.a.b"),
    ],
)
def test_a_wrong_mapping_is_refused_with_its_path(fact: dict[str, Any], path: str) -> None:
    with pytest.raises(WrongMapping) as refusal:
        parse_kinds({"*": [fact]})
    assert refusal.value.path == path


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
