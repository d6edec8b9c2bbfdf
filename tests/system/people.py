"""Messages about Ada, whom tests erase, and numbered orders."""

from typing import Any

from consent.models import PrivacyRequest
from consent.services import NewRequest, open_request
from profiles.models import Event
from tests.factories import TESTER

EMAIL = "ada.lovelace@example.org"
# All values that identify Ada.
VALUES = (EMAIL, "user-of-ada", "browser-of-ada", "Lovelace-Byron")


def message_of_ada(number: int) -> dict[str, Any]:
    """Return an identify message about Ada. Each number is another message."""
    return {
        "type": "identify",
        "messageId": f"ada-{number}",
        "userId": "user-of-ada",
        "anonymousId": "browser-of-ada",
        "traits": {"email": EMAIL, "name": "Ada Lovelace-Byron", "city": "Lyon"},
    }


def ask_for_erasure() -> PrivacyRequest:
    """Open a request to erase Ada."""
    new_request = NewRequest(kind="erasure", references=(f"email:{EMAIL}",), reason="asked")
    return open_request(new_request, door="service", actor=TESTER)


def order(number: int, **fields: object) -> dict[str, Any]:
    """Return an order, whose revenue is its number. The fields identify the customer."""
    track = {"type": "track", "event": "Order Completed", "messageId": f"m{number}"}
    return track | {"properties": {"n": number, "revenue": number}} | fields


def stored_numbers() -> set[int]:
    """Return the numbers of all stored orders."""
    return {properties["n"] for properties in Event.objects.values_list("properties", flat=True)}
