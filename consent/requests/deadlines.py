"""How much time is left for a request: article 12(3) gives one month, once extended by two."""

from django.db.models import QuerySet
from django.utils import timezone

from consent.models import PrivacyRequest

Status = PrivacyRequest.Status
CLOSED = (Status.DONE, Status.REFUSED, Status.CANCELLED)


def open_requests() -> QuerySet[PrivacyRequest]:
    """Return the requests that are not closed, the next ones due first."""
    return PrivacyRequest.objects.exclude(status__in=CLOSED).order_by("due_at")


def time_left(privacy_request: PrivacyRequest) -> tuple[str, str]:
    """Return the urgency of a request, empty if it is closed, and the time left in words."""
    if privacy_request.status in CLOSED:
        return "", "closed"
    days = (timezone.localdate(privacy_request.due_at) - timezone.localdate()).days
    if days < 0:
        return "overdue", f"{-days} day{'' if days == -1 else 's'} overdue"
    urgency = "due soon" if days <= 3 else "in time"
    return urgency, f"{days} day{'' if days == 1 else 's'} left"
