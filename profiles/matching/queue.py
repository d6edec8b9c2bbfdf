"""The queue of open proposals, in the order in which staff answer them."""

from django.db.models import QuerySet

from profiles.lib.queues import POSTPONED_LAST, count_waiting
from profiles.models import MatchProposal


def open_proposals() -> QuerySet[MatchProposal]:
    """Return the open proposals: the most probable first, and last what was put off."""
    open_ones = MatchProposal.objects.filter(state=MatchProposal.State.OPEN)
    return open_ones.order_by(POSTPONED_LAST, "-probability", "-pk")


def count_open_proposals() -> int:
    """Count the open proposals, up to `MOST_QUEUED`."""
    return count_waiting(open_proposals())
