"""Messages that were taken, each by one request: exact deduplication, without a window."""

from collections.abc import Mapping
from datetime import date

from django.db import connection

from profiles.events import sql
from profiles.lib.database import array_of
from profiles.models import SeenMessage


def take_messages(takers: Mapping[str, int], *, day: date) -> set[str]:
    """Mark messages as seen, each in the name of the request it came in, and return those that the request may apply.

    Those were never seen before, or by an earlier attempt of the same request.
    """
    with connection.cursor() as cursor:
        cursor.execute(sql.TAKE_MESSAGES, [day, array_of(takers.keys()), array_of(takers.values())])
        return {digest for (digest,) in cursor.fetchall()}


def keep_taken(digest: str, taker: int) -> None:
    """A message took effect before the others of its request: another attempt of the request finds it done."""
    SeenMessage.objects.filter(digest=digest, taken_by=taker).update(taken_by=None)


def is_taken(digest: str, taker: int) -> bool:
    """Whether a message took effect, or will by another request than this one."""
    return SeenMessage.objects.filter(digest=digest).exclude(taken_by=taker).exists()


def forget_messages(takers: Mapping[str, int]) -> None:
    """Unmark messages that took no effect after all, where they are still taken by these requests."""
    if takers:
        taken = SeenMessage.objects.filter(digest__in=takers.keys())
        taken.filter(taken_by__in=set(takers.values())).delete()
