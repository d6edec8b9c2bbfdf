"""Webhooks of shops and tools: every folder, every kind of delivery, every signature."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.presets.delivery import BadSignature, Delivery
from ingestion.presets.facts import WrongMapping
from ingestion.presets.mapping import HookMessage, map_delivery
from ingestion.presets.presets import ROOT, load_kinds, load_preset, parse_kinds, preset_keys
from profiles.lib import exact_json
from profiles.lib.expressions import evaluate
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
