"""A small crowd that never stands still, and segments that some of it is always in."""

from typing import Any

from segments.models import Segment
from segments.services import create_segment, rebuild

PEOPLE = 40
# No multiple of the five messages of which one identifies, so that every visitor is identified in the end.
VISITORS = 2 * PEOPLE + 1
LYON = {"type": "trait", "key": "city", "operator": "equals", "value": "Lyon"}
ROME = {"type": "trait", "key": "city", "operator": "equals", "value": "Rome"}
BUYERS = {"type": "event", "name": "Order Completed", "operator": "gte", "value": 3}


def message(number: int) -> dict[str, Any]:
    """Orders of anonymous visitors, each of whom turns out later to be one of the people: so profiles merge all the time."""
    visitor = number % VISITORS
    same = {"messageId": f"m{number}", "anonymousId": f"a{visitor}"}
    if number % 5:
        properties = {"n": number, "revenue": 1}
        return same | {"type": "track", "event": "Order Completed", "properties": properties}
    city = "Lyon" if number % 3 else "Rome"
    return same | {"type": "identify", "userId": f"u{visitor % PEOPLE}", "traits": {"city": city}}


def messages(first: int, last: int) -> list[dict[str, Any]]:
    return [message(number) for number in range(first, last)]


def events_among(numbers: range | list[int]) -> set[int]:
    """The numbers of those messages that are events."""
    return {number for number in numbers if number % 5}


def keep(key: str, definition: dict[str, Any]) -> Segment:
    """A live segment, built."""
    segment = create_segment(
        key=key, name=key, definition=definition, author="a test", status="live"
    )
    rebuild([key])
    return segment
