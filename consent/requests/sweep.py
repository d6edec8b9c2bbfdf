"""The nightly sweep: what other people's rows say about those who were erased lately.

Invariant: the receipt of an erasure is final only once a sweep began after it.
"""

from collections import Counter
from datetime import timedelta

from django.db import transaction

from consent.models import PrivacyRequest, Suppression
from consent.suppression.rows import clean_many
from profiles.lib.database import database_now
from profiles.registry import registry

# Longer than from one night to the next, so that a night that was missed does no harm.
_LATELY = timedelta(days=7)


def sweep_traces() -> dict[str, int]:
    """Clean the rows of others of everybody who was erased lately, and make receipts final.

    Returns the number of rows that changed, by model label.
    """
    began_at = database_now()
    counts: Counter[str] = Counter()
    if Suppression.objects.filter(created_at__gt=began_at - _LATELY).exists():
        for data in registry:
            with transaction.atomic():
                counts[data.label] += data.sweep(clean_many)
    erasures = PrivacyRequest.objects.filter(
        kind=PrivacyRequest.Kind.ERASURE, status=PrivacyRequest.Status.DONE, done_at__lte=began_at
    )
    for request in erasures.exclude(receipt__has_key="final"):
        request.receipt |= {"swept_at": began_at.isoformat(), "final": True}
        request.save(update_fields=["receipt"])
    return {label: count for label, count in counts.items() if count}
