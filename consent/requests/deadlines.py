"""How much time is left for a request: article 12(3) gives one month, once extended by two."""

from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from consent.models import PrivacyRequest
from consent.requests.statuses import CLOSED
from profiles.lib.days import store_day


def open_requests() -> QuerySet[PrivacyRequest]:
    """Return the requests that are not closed, the next ones due first."""
    return PrivacyRequest.objects.exclude(status__in=CLOSED).order_by("due_at")


def days_left(privacy_request: PrivacyRequest, now: datetime) -> int:
    """Return how many days of the calendar are left, below 0 if it is overdue."""
    return (store_day(privacy_request.due_at) - store_day(now)).days


def time_left(privacy_request: PrivacyRequest) -> tuple[str, str]:
    """Return the urgency of a request, empty if it is closed, and the time left in words."""
    if privacy_request.status in CLOSED:
        return "", gettext("closed")
    days = days_left(privacy_request, timezone.now())
    urgency = "overdue" if days < 0 else "due soon" if days <= 3 else "in time"
    return urgency, days_in_words(days)


def days_in_words(days: int) -> str:
    if days < 0:
        return ngettext("%(days)d day overdue", "%(days)d days overdue", -days) % {"days": -days}
    return ngettext("%(days)d day left", "%(days)d days left", days) % {"days": days}
