"""What the sidebar shows beside the titles of lists: how many rows wait for somebody."""

from django.http import HttpRequest
from django.utils import timezone

from consent import services as consent


def overdue_holds(request: HttpRequest) -> str:
    """Return how many legal holds somebody should have looked at; empty if there are none."""
    if not request.user.has_perm("consent.view_privacyrequest"):
        return ""
    # The home page shows the same number, and menu and page are of one request.
    found = vars(request)
    if "overdue_holds" not in found:
        found["overdue_holds"] = str(consent.overdue_holds(timezone.now()) or "")
    return str(found["overdue_holds"])


def urgent_requests(request: HttpRequest) -> str:
    """Return how many privacy requests are overdue or due in three days; empty for none."""
    if not request.user.has_perm("consent.view_privacyrequest"):
        return ""
    return str(consent.count_due(timezone.now()).urgent or "")
