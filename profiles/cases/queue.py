"""The queue of open cases, in the order in which staff answer them."""

from django.db.models import QuerySet

from profiles.lib.queues import POSTPONED_LAST, count_waiting
from profiles.models import IdentityCase


def open_cases() -> QuerySet[IdentityCase]:
    """Return the open cases: what most facts ran into first, and last what was put off."""
    open_ones = IdentityCase.objects.filter(state=IdentityCase.State.OPEN)
    return open_ones.order_by(POSTPONED_LAST, "-refusals", "-pk")


def count_open_cases() -> int:
    """Count the open cases, up to `MOST_QUEUED`."""
    return count_waiting(open_cases())
