"""Queues that staff answer one after another: who is before and after, and how many wait.

Invariant: no more than `MOST_QUEUED` rows are read, however many wait.
"""

from typing import Any

from django.db.models import F, QuerySet

MOST_QUEUED = 1000
# In every queue, what somebody put off comes last, the longest ago first.
POSTPONED_LAST = F("postponed_at").asc(nulls_first=True)


def neighbours(queue: QuerySet[Any], pk: int) -> tuple[int | None, int | None]:
    """Return the rows before and after one in an ordered queue.

    Of one that is not among the first `MOST_QUEUED`, the next is the first of the queue.
    """
    waiting = list(queue.values_list("pk", flat=True)[:MOST_QUEUED])
    if pk not in waiting:
        return None, waiting[0] if waiting else None
    place = waiting.index(pk)
    following = waiting[place + 1 : place + 2]
    return (waiting[place - 1] if place else None), (following[0] if following else None)


def count_waiting(queue: QuerySet[Any]) -> int:
    """Count the rows of a queue, up to `MOST_QUEUED`."""
    return queue.order_by()[:MOST_QUEUED].count()
