"""What of automations an API key sees that may not read profiles.

Whoever is counted by a condition on contact or special data answers that condition.
"""

from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from segments.api.visibility import DESTINATION_REFUSAL, REFUSAL, may_count_people
from segments.services import is_sensitive_automation, names_destination


def refuse_sensitive_automation(request: Request, definition: Any) -> None:
    """Raise PermissionDenied if a condition is sensitive and the key may not read people."""
    if may_count_people(request):
        return
    if is_sensitive_automation(definition):
        raise PermissionDenied(REFUSAL)


def refuse_sending(request: Request, definition: Any) -> None:
    """Raise PermissionDenied if a step sends what names people and the key may not read them."""
    if names_destination(definition) and not may_count_people(request):
        raise PermissionDenied(DESTINATION_REFUSAL)
