"""What members bought, less what was given back."""

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from segments.memberships.worth import worth_of, worth_of_everybody
from segments.services import create_segment, rebuild
from tests.factories import TESTER, send_messages

pytestmark = pytest.mark.django_db


def event(user: str, name: str, revenue: float) -> dict[str, Any]:
    return {"type": "track", "userId": user, "event": name, "properties": {"revenue": revenue}}


def test_what_was_given_back_is_no_revenue() -> None:
    send_messages(
        {"userId": "ada", "traits": {"city": "Lyon"}},
        {"userId": "eve", "traits": {"city": "Rome"}},
        event("ada", "Order Completed", 100),
        event("ada", "Order Completed", 60),
        event("ada", "Order Refunded", 30.5),
        event("eve", "Order Refunded", 5),
    )
    lyon = {"type": "trait", "key": "city", "operator": "equals", "value": "Lyon"}
    segment = create_segment(key="lyon", name="Lyon", definition=lyon, actor=TESTER, status="live")
    rebuild(["lyon"])
    members, everybody = worth_of(segment, timezone.now()), worth_of_everybody(timezone.now())
    assert members is not None
    assert everybody is not None
    assert (members.buyers, members.orders, members.ordered) == (1, 2, 160)
    assert (members.refunded, members.revenue) == (Decimal("30.5"), Decimal("129.5"))
    assert (members.basket, members.revenue_each) == (80, Decimal("129.5"))
    assert (everybody.buyers, everybody.revenue) == (1, Decimal("124.5"))


def test_another_shop_names_its_events_otherwise(settings: Any) -> None:
    settings.ORDER_EVENT, settings.REDUCING_EVENTS = "Purchase", ["Money back"]
    send_messages(event("ada", "Purchase", 10), event("ada", "Money back", 4))
    worth = worth_of_everybody(timezone.now())
    assert worth is not None
    assert worth.revenue == 6
