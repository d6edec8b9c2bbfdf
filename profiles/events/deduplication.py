"""Exact deduplication of messages, without a window: each message is taken by one request.

A request is one row of the inbox, and `request_id` that row's id. It may be applied several times,
since an attempt can fail halfway.
"""

from collections.abc import Mapping
from datetime import date

from django.db import connection

from profiles.events import sql
from profiles.lib.database import array_of
from profiles.models import SeenMessage


def take_messages(request_by_digest: Mapping[str, int], *, day: date) -> set[str]:
    """Mark messages as seen by their requests and return the digests that the requests may apply.

    Those are the messages never seen before, and the ones that the same request took earlier.
    """
    columns = [array_of(request_by_digest.keys()), array_of(request_by_digest.values())]
    with connection.cursor() as cursor:
        cursor.execute(sql.TAKE_MESSAGES, [day, *columns])
        return {digest for (digest,) in cursor.fetchall()}


def keep_taken(digest: str, request_id: int) -> None:
    """Mark a message as done ahead of its request, so that no later attempt repeats it."""
    SeenMessage.objects.filter(digest=digest, taken_by=request_id).update(taken_by=None)


def is_taken(digest: str, request_id: int) -> bool:
    """Whether the message took effect already, or is another request's to apply."""
    return SeenMessage.objects.filter(digest=digest).exclude(taken_by=request_id).exists()


def forget_messages(request_by_digest: Mapping[str, int]) -> None:
    """Unmark messages that took no effect after all, where these requests still have them."""
    if request_by_digest:
        taken = SeenMessage.objects.filter(digest__in=request_by_digest.keys())
        taken.filter(taken_by__in=set(request_by_digest.values())).delete()
