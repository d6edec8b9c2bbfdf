"""Ada, who is erased in the midst of things, and orders whose numbers tell what was stored."""

from typing import Any

from consent.models import PrivacyRequest
from consent.services import NewRequest, open_request
from profiles.models import Event

EMAIL = "ada.lovelace@example.org"
VALUES = (EMAIL, "user-of-ada", "browser-of-ada", "Lovelace-Byron")


def message_of_ada(number: int) -> dict[str, Any]:
    """One of the messages that keep coming of Ada."""
    return {
        "type": "identify",
        "messageId": f"ada-{number}",
        "userId": "user-of-ada",
        "anonymousId": "browser-of-ada",
        "traits": {"email": EMAIL, "name": "Ada Lovelace-Byron", "city": "Lyon"},
    }


def ask_for_erasure() -> PrivacyRequest:
    new_request = NewRequest(kind="erasure", references=(f"email:{EMAIL}",), reason="asked")
    return open_request(new_request, door="service", actor="tests")


def order(number: int, **who: object) -> dict[str, Any]:
    properties = {"n": number, "revenue": number}
    named = {"type": "track", "event": "Order Completed", "messageId": f"m{number}"}
    return named | {"properties": properties} | who


def stored() -> set[int]:
    return {properties["n"] for properties in Event.objects.values_list("properties", flat=True)}
