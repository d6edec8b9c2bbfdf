"""What the sidebar shows beside the titles of lists: how many rows wait for somebody.

Invariant: what Home shows as well is counted once for a request.
"""

from collections.abc import Callable
from typing import TypeVar

from django.http import HttpRequest
from django.utils import timezone

from consent import services as consent

Count = TypeVar("Count")


def overdue_holds(request: HttpRequest) -> str:
    """Return how many legal holds somebody should have looked at; empty if there are none."""
    if not request.user.has_perm("consent.view_privacyrequest"):
        return ""
    return str(count_holds(request) or "")


def urgent_requests(request: HttpRequest) -> str:
    """Return how many privacy requests are overdue or due in three days; empty for none."""
    if not request.user.has_perm("consent.view_privacyrequest"):
        return ""
    return str(count_due(request).urgent or "")


def count_holds(request: HttpRequest) -> int:
    return _once(request, "_overdue_holds", lambda: consent.overdue_holds(timezone.now()))


def count_due(request: HttpRequest) -> consent.DueCounts:
    return _once(request, "_due_requests", lambda: consent.count_due(timezone.now()))


def _once(request: HttpRequest, name: str, count: Callable[[], Count]) -> Count:
    kept = vars(request)
    if name not in kept:
        kept[name] = count()
    number: Count = kept[name]
    return number
