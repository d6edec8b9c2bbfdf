"""Amounts of money: with their currency where they have one, and never added in silence."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.urls import reverse

from profiles.events.money import amount_text, currencies_of, currency_in, is_money
from profiles.models import EventName, SchemaKey, TraitDefinition
from profiles.services import Review, fold_tallies, review_properties
from segments.services import refresh_changed, unknown_words
from tests.admin import sign_in
from tests.factories import TESTER, profile_of, send_messages
from tests.segments.evaluations import build_segment

pytestmark = pytest.mark.django_db
SUM = {
    "type": "event",
    "name": "Order Completed",
    "aggregate": "sum",
    "property": "revenue",
    "operator": "gte",
    "value": 100,
}
EUROS = {"type": "property", "key": "currency", "operator": "equals", "value": "EUR"}


def buy(user: str, revenue: float, currency: Any, **more: Any) -> None:
    properties = {"revenue": revenue, "currency": currency, **more}
    fields = {"type": "track", "event": "Order Completed", "userId": user}
    send_messages(fields | {"properties": properties}, source="shop")


def codes_of(definition: dict[str, Any]) -> set[str]:
    return {warning.code for warning in unknown_words(definition)} - {"unknown_value"}


def test_a_sum_over_several_currencies_is_told_unless_one_is_asked_for() -> None:
    buy("1", 100, "EUR")
    assert codes_of(SUM) == set()
    buy("2", 100, "usd")
    (warning,) = unknown_words({"type": "and", "children": [SUM]})
    assert (warning.code, warning.path) == ("mixed_currencies", "children[0].property")
    assert "EUR, USD" in warning.detail
    assert codes_of(SUM | {"where": EUROS}) == set()
    assert codes_of(SUM | {"aggregate": "distinct"}) == set()
    rank = {"type": "rank", "name": "Order Completed", "aggregate": "sum", "property": "revenue"}
    rank |= {"top": 9}
    assert codes_of(rank) == {"mixed_currencies"}
    net = {name: part for name, part in SUM.items() if name != "property"} | {"aggregate": "net"}
    (warning,) = unknown_words(net)
    assert (warning.code, warning.path) == ("mixed_currencies", "aggregate")


def test_what_is_no_money_by_review_is_added_without_a_word() -> None:
    buy("1", 100, "EUR", points=3)
    buy("2", 100, "USD", points=4)
    fold_tallies()
    points = SchemaKey.objects.get(path="points")
    of_points = SUM | {"property": "points"}
    assert codes_of(of_points) == set()
    review_properties([points.uuid], Review(is_money=True), actor=TESTER)
    assert codes_of(of_points) == {"mixed_currencies"}
    revenue = SchemaKey.objects.get(path="revenue")
    assert revenue.is_money
    review_properties([revenue.uuid], Review(is_money=False), actor=TESTER)
    assert not is_money(EventName.objects.get(name="Order Completed"), "revenue")
    assert codes_of(SUM) == set()


@pytest.mark.parametrize("stated", [None, 3, "euros", "", ["EUR"], {"code": "EUR"}, "€"])
def test_what_is_no_code_of_a_currency_is_none(stated: Any) -> None:
    buy("1", 5, stated)
    assert currency_in({"currency": stated}) == ""
    assert currencies_of(EventName.objects.filter(name="Order Completed")) == []


def test_an_amount_has_its_currency_where_there_is_just_one() -> None:
    assert amount_text(1234.5, ["EUR"]) == "1,234.50\u00a0EUR"
    assert amount_text(1234.5, ["EUR", "USD"]) == "1,234.50"
    assert amount_text(1234.5) == "1,234.50"


def test_pages_show_amounts_with_their_currency_and_tell_of_several() -> None:
    buy("1", 1234.5, "EUR")
    send_messages({"type": "identify", "userId": "1", "traits": {"budget": 2000}}, source="shop")
    TraitDefinition.objects.filter(key="budget").update(is_money=True)
    profile = profile_of("user_id:1")
    client = sign_in()
    page = client.get(reverse("admin:profiles_profile_change", args=[profile.pk])).content.decode()
    assert "1,234.50\u00a0EUR" in page
    assert "2,000.00" in page
    segment = build_segment({"type": "everyone"})
    refresh_changed(now=datetime.now(UTC))
    overview = reverse("admin:segments_segment_overview", args=[segment.pk])
    page = client.get(overview).content.decode()
    assert "1,234.50\u00a0EUR" in page
    assert "are added as they stand" not in page
    columns = {"chosen": "1", "column": ["value", "trait:budget"]}
    people = client.post(reverse("admin:segments_segment_people", args=[segment.pk]), columns)
    assert "1,234.50\u00a0EUR" in people.content.decode()
    assert "2,000.00" in people.content.decode()
    buy("1", 10, "USD")
    page = client.get(overview).content.decode()
    assert "The latest amounts are in EUR, USD" in page
    assert "1,244.50\u00a0" not in page
