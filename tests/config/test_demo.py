"""The demo's messages: real purchases, invented people, and requests that the API accepts."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.demo import cdnow
from config.demo.segments import SEGMENTS
from config.demo.sending import demo_messages
from config.demo.wire import BATCH_MESSAGES, Batch, Days, make_batches
from ingestion.messages import MAX_REQUEST_BYTES
from segments.language.parser import child_definitions, parse
from tests.tries import tries

ZONE = ZoneInfo("Europe/Paris")
DAYS = Days(date(2026, 3, 30), ZONE)  # the day after the clocks went forward
CUSTOMERS = 500
FICTIONAL = re.compile(r"\+33(63998|19900|26191|35301|46571|53649)[0-9]{4}")


def requests(customers: int = CUSTOMERS, days: Days = DAYS) -> list[Batch]:
    return list(make_batches(demo_messages(customers, days), days))


def messages(batches: list[Batch]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the source and the content of each message."""
    for request in batches:
        for body in request.messages:
            yield request.source, json.loads(body, parse_float=Decimal)


def test_the_file_holds_all_purchases_of_cdnow() -> None:
    purchases = list(cdnow.read_purchases())
    assert len(purchases) == cdnow.PURCHASES == 69_659
    assert len({purchase.customer for purchase in purchases}) == cdnow.CUSTOMERS == 23_570
    assert sum(purchase.revenue == 0 for purchase in purchases) == 80
    assert purchases[0][2:] == (date(1997, 1, 1), 1, Decimal("11.77"))
    assert max(purchase.day for purchase in purchases) == cdnow.LAST_DAY


@settings(max_examples=tries(5), deadline=None)
@given(st.dates(date(2020, 1, 1), date(2090, 1, 1)))
def test_the_last_purchase_is_yesterday_and_all_move_together(today: date) -> None:
    moved = cdnow.purchases_until(today - timedelta(days=1), cdnow.CUSTOMERS)
    days = [purchase.day for purchases in moved.values() for purchase in purchases]
    assert max(days) == today - timedelta(days=1)
    assert max(days) - min(days) == cdnow.LAST_DAY - date(1997, 1, 1)


@pytest.mark.parametrize("customers", [1, 49, 500, 23_569, 23_570])
def test_a_sample_has_as_many_customers_as_asked_for(customers: int) -> None:
    assert len(cdnow.sample_customers(customers)) == customers


def test_the_same_day_gives_the_same_requests() -> None:
    assert requests() == requests()


def test_a_person_is_the_same_in_every_sample() -> None:
    few, many = (
        {(source, message["messageId"]): message for source, message in messages(requests(number))}
        for number in (100, 2000)
    )
    assert few.items() <= many.items()


def test_every_request_is_one_that_the_tracking_api_takes() -> None:
    batches = requests()
    assert max(len(request.messages) for request in batches) <= BATCH_MESSAGES
    assert max(len(request.body) for request in requests(6000)) < MAX_REQUEST_BYTES
    assert {source for source, _ in messages(batches)} == {"crm", "newsletter", "shop", "web"}


def test_orders_say_exactly_what_the_file_says() -> None:
    orders = {
        message["properties"]["order_id"]: (
            message["userId"],
            message["properties"]["revenue"],
            message["properties"]["quantity"],
        )
        for _, message in messages(requests())
        if message.get("event") == "Order Completed"
    }
    sampled = cdnow.sample_customers(CUSTOMERS)
    assert orders == {
        f"CD-{purchase.number:06}": (
            f"shop-{purchase.customer:05}",
            purchase.revenue,
            purchase.quantity,
        )
        for purchase in cdnow.read_purchases()
        if purchase.customer in sampled
    }


def test_nothing_happens_after_yesterday_and_everybody_reaches_back_at_most_two_years() -> None:
    end = datetime.combine(DAYS.today, datetime.min.time(), ZONE)
    sent = messages(requests(2000))
    times = [datetime.fromisoformat(message["timestamp"]) for _, message in sent]
    assert max(times) < end
    assert min(times) > end - timedelta(days=730)


def test_addresses_and_telephones_belong_to_nobody() -> None:
    traits = [message.get("traits") or {} for _, message in messages(requests(2000))]
    emails = {stated["email"] for stated in traits if "email" in stated}
    phones = {stated["phone"] for stated in traits if "phone" in stated}
    assert {email.rpartition("@")[2] for email in emails} == {"example.org", "example.net"}
    assert all(FICTIONAL.fullmatch(phone) for phone in phones)
    assert all(phonenumbers.is_possible_number(phonenumbers.parse(phone)) for phone in phones)
    assert len(emails) > 1000
    assert len(phones) > 500


def test_some_messages_come_twice_and_no_two_messages_share_an_id() -> None:
    bodies = [(request.source, body) for request in requests() for body in request.messages]
    times = Counter(bodies)
    ids = {(source, json.loads(body)["messageId"]) for source, body in times}
    assert len(ids) == len(times) < len(bodies)
    assert set(times.values()) == {1, 2}


def test_segments_lean_only_on_those_before_them_and_all_parse() -> None:
    earlier_keys: set[str] = set()
    for segment in SEGMENTS:
        parse(segment.definition)
        assert referenced_segments(segment.definition) <= earlier_keys
        assert segment.key not in earlier_keys
        earlier_keys.add(segment.key)
    assert len(earlier_keys) >= 15


def referenced_segments(definition: Any) -> set[str]:
    own = {definition["key"]} if definition["type"] == "segment" else set()
    return own.union(*(referenced_segments(child) for _, child in child_definitions(definition)))
