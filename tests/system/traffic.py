"""Messages of a small crowd whose profiles always change, and segments of some of them."""

from typing import Any

from segments.models import Segment
from segments.services import create_segment, rebuild
from tests.factories import TESTER

PEOPLE = 40
# One message in five identifies its visitor. As 5 does not divide this number, each visitor is
# identified sooner or later.
VISITORS = 2 * PEOPLE + 1
LYON = {"type": "trait", "key": "city", "operator": "equals", "value": "Lyon"}
ROME = {"type": "trait", "key": "city", "operator": "equals", "value": "Rome"}
BUYERS = {"type": "event", "name": "Order Completed", "operator": "gte", "value": 3}


def message(number: int) -> dict[str, Any]:
    """Return an order of an anonymous visitor, or a message that identifies the visitor.

    So profiles merge all the time.
    """
    visitor = number % VISITORS
    common = {"messageId": f"m{number}", "anonymousId": f"a{visitor}"}
    if number % 5:
        properties = {"n": number, "revenue": 1}
        return common | {"type": "track", "event": "Order Completed", "properties": properties}
    city = "Lyon" if number % 3 else "Rome"
    return common | {"type": "identify", "userId": f"u{visitor % PEOPLE}", "traits": {"city": city}}


def messages(first: int, last: int) -> list[dict[str, Any]]:
    return [message(number) for number in range(first, last)]


def events_among(numbers: range | list[int]) -> set[int]:
    """Return the numbers of those messages that are events."""
    return {number for number in numbers if number % 5}


def make_live_segment(key: str, definition: dict[str, Any]) -> Segment:
    """Create a live segment and build it."""
    segment = create_segment(key=key, name=key, definition=definition, actor=TESTER, status="live")
    rebuild([key])
    return segment
