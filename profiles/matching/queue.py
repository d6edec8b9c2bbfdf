"""The queue of open proposals, in the order in which staff answer them."""

from django.db.models import F, QuerySet

from profiles.models import MatchProposal

MOST_QUEUED = 1000


def open_proposals() -> QuerySet[MatchProposal]:
    """Return the open proposals: the most probable first, and last what was put off."""
    return MatchProposal.objects.filter(state=MatchProposal.State.OPEN).order_by(
        F("postponed_at").asc(nulls_first=True), "-probability", "-pk"
    )


def neighbours(proposal_id: int) -> tuple[int | None, int | None]:
    """Return the open proposals before and after one among the first `MOST_QUEUED`.

    Of one that is not among them, the next is the first of the queue.
    """
    queue = list(open_proposals().values_list("pk", flat=True)[:MOST_QUEUED])
    if proposal_id not in queue:
        return None, queue[0] if queue else None
    place = queue.index(proposal_id)
    following = queue[place + 1 : place + 2]
    return (queue[place - 1] if place else None), (following[0] if following else None)


def count_open_proposals() -> int:
    """Count the open proposals, up to `MOST_QUEUED`."""
    return MatchProposal.objects.filter(state=MatchProposal.State.OPEN)[:MOST_QUEUED].count()
