"""What deliveries of shops come to: money that adds up, each fact once, whoever typed it."""

from decimal import Decimal
from typing import Any

import pytest

from ingestion.presets.delivery import Delivery
from ingestion.presets.mapping import map_delivery
from ingestion.presets.presets import ROOT, load_kinds, load_preset, parse_kinds
from profiles.lib import exact_json

GOODS = {"subtotal": "110.00", "total_tax": "18.33"}


def said_by(tool: str, name: str, **changes: Any) -> list[dict[str, Any]]:
    """Return the messages of a fixture whose body, or object of Stripe, has other parts."""
    body = exact_json.loads((ROOT / tool / "fixtures" / f"{name}.json").read_bytes())["body"]
    (body["data"]["object"] if tool == "stripe" else body).update(changes)
    preset = load_preset(tool)
    headers = {"x-shopify-topic": "orders/updated", "x-wc-webhook-topic": "order.updated"}
    facts = load_kinds(tool)[preset.kind_of(Delivery(b"", headers, body))]
    mapped = map_delivery(tool, facts, preset.content_of(body))
    return [each.content for each in mapped.messages]


def revenues(messages: list[dict[str, Any]]) -> dict[str, Any]:
    events = (each for each in messages if each["type"] == "track")
    return {each["event"]: each["properties"].get("revenue") for each in events}


@pytest.mark.parametrize(
    ("refund", "given_back"),
    [
        # Beyond the goods, and less than they cost; shipping is no part of them.
        ({"order_adjustments": [{"kind": "refund_discrepancy", "amount": "-5.00"}]}, "5.00"),
        ({"order_adjustments": [{"amount": "-5.00"}]}, "5.00"),
        ({"order_adjustments": [{"kind": "shipping_refund", "amount": "-4.90"}]}, "0"),
        ({"refund_line_items": [GOODS], "order_adjustments": [{"amount": "20.00"}]}, "71.67"),
    ],
)
def test_a_refund_of_an_amount_is_one(refund: dict[str, Any], given_back: str) -> None:
    refunds = [{"id": 1, "created_at": "2026-03-20T10:00:00Z", **refund}]
    said = said_by("shopify", "order-in-part-refunded", refunds=refunds)
    assert revenues(said)["Order Refunded"] == Decimal(given_back)


def test_goods_that_a_cancellation_puts_back_are_taken_back_once() -> None:
    refund = {"id": 1, "created_at": "2026-03-15T11:00:00Z", "refund_line_items": [GOODS]}
    said = revenues(said_by("shopify", "order-cancelled-before-payment", refunds=[refund]))
    assert said == {
        "Order Completed": Decimal("91.67"),
        "Order Cancelled": Decimal("0.00"),
        "Order Refunded": Decimal("91.67"),
    }


def test_a_number_that_was_typed_beside_an_account_is_not_vouched_for() -> None:
    customer = {"id": 7, "email": "ada@example.org", "state": "enabled", "verified_email": True}
    typed = {"phone": "+33612345678", "customer": customer}
    for message in said_by("shopify", "order-created-by-an-account", **typed):
        assert "+33612345678" not in str(message)
    guest = {"phone": "+33612345678", "customer": customer | {"state": "disabled"}}
    said = said_by("shopify", "order-created-by-an-account", **guest)
    assert "+33612345678" in str(said[0])


@pytest.mark.parametrize("status", ["processing", "cancelled"])
def test_an_order_that_is_paid_on_delivery_counts_until_it_is_cancelled(status: str) -> None:
    said = revenues(
        said_by(
            "woocommerce",
            "order-paid-by-a-customer",
            status=status,
            payment_method="cod",
            date_paid_gmt=None,
            refunds=[],
        )
    )
    assert said["Order Completed"]
    assert said.get("Order Cancelled") == (said["Order Completed"] if status[0] == "c" else None)


def test_a_price_that_includes_its_tax_is_told_without_it() -> None:
    amounts = {"amount_subtotal": 12000, "amount_total": 12000}
    details = {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 2000}
    said = said_by("stripe", "check-out-paid", **amounts, total_details=details)
    assert revenues(said) == {"Order Completed": Decimal(100)}


def test_a_check_out_that_makes_an_invoice_is_told_by_it_alone() -> None:
    assert not said_by("stripe", "check-out-paid", invoice_creation={"enabled": True})


def test_a_form_without_a_question_for_it_takes_the_hidden_address() -> None:
    fixture = exact_json.loads((ROOT / "typeform/fixtures/survey-answered.json").read_bytes())
    response = fixture["body"]["form_response"] | {"answers": [], "hidden": {"email": "a@b.fr"}}
    said = said_by("typeform", "survey-answered", form_response=response)
    assert {each["context"].get("traits", each.get("traits"))["email"] for each in said} == {
        "a@b.fr"
    }


@pytest.mark.parametrize("answers", [5, True, "text", {"a": 1}, [5], [{"field": 5}]])
def test_answers_of_another_kind_break_nothing(answers: Any) -> None:
    response = {"token": "t", "hidden": {"user_id": "7"}, "answers": answers}
    assert len(said_by("typeform", "survey-answered", form_response=response)) == 2


@pytest.mark.parametrize("refunds", [5, True, "text", {"a": 1}, [5]])
def test_refunds_of_another_kind_break_nothing(refunds: Any) -> None:
    said = revenues(said_by("shopify", "order-created-by-an-account", refunds=refunds))
    assert said.keys() == {"Order Completed"}


def test_facts_with_long_ids_stay_two() -> None:
    content = [{"id": "x" * 120 + end, "at": "2026-03-15", "mail": "a@b.fr"} for end in "ab"]
    fact = {"call": "identify", "id": "id", "time": "at", "who": {"email": "mail"}}
    facts = parse_kinds({"*": [fact]})["*"]
    ids = {map_delivery("custom", facts, each).messages[0].content["messageId"] for each in content}
    assert len(ids) == 2
    assert all(len(each) < 100 for each in ids)
