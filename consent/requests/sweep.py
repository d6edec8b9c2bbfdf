"""The nightly sweep: what other people's rows say about those who were erased since the last one.

Invariant: the receipt of an erasure is final only once a sweep began after it. What comes in later
is cleaned as it comes, so nothing is swept twice for one erasure.
"""

from collections import Counter

from django.db import connection, transaction
from django.db.models import Max, QuerySet

from consent.lib import sql
from consent.models import PrivacyRequest
from consent.suppression.rows import CLEANER
from profiles.lib.database import database_now
from profiles.registry import registry


def sweep_traces() -> dict[str, int]:
    """Clean the rows of others of everybody whose erasure is done, and make its receipt final.

    Returns the number of rows that changed, by model label. Reads nothing where none is waiting.
    """
    began_at = database_now()
    waiting = _waiting().filter(done_at__lte=began_at)
    before = waiting.aggregate(last=Max("done_at"))["last"]
    counts: Counter[str] = Counter()
    if before is None:
        return counts
    for data in registry:
        with transaction.atomic():
            counts[data.label] += data.sweep(CLEANER, before=before)
    _renew_statistics()
    for request in waiting:
        request.receipt |= {"swept_at": began_at.isoformat(), "final": True}
        request.save(update_fields=["receipt"])
    return {label: count for label, count in counts.items() if count}


def _renew_statistics() -> None:
    """Have the planner forget values of rows that are gone: it keeps samples of every column."""
    with connection.cursor() as cursor:
        cursor.execute(sql.RENEW_STATISTICS)


def _waiting() -> QuerySet[PrivacyRequest]:
    """Return the erasures that are carried out and not swept after yet."""
    done = PrivacyRequest.objects.filter(
        kind=PrivacyRequest.Kind.ERASURE,
        status__in=(PrivacyRequest.Status.HELD, PrivacyRequest.Status.DONE),
    )
    return done.exclude(receipt__has_key="final")
