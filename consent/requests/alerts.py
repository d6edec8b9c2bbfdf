"""Alerts before the deadline of a request: 10 and 3 days before, by mail, on Home and in the menu.

Invariant: of each request and threshold one mail is sent, however often and at once this runs: what
is told is noted in the transaction that mails it.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from smtplib import SMTPException
from typing import NamedTuple

from django.db import transaction

from consent.customers.mail import send
from consent.lib import checkpoints
from consent.models import DeadlineAlert, PrivacyRequest
from consent.requests.deadlines import days_in_words, days_left, open_requests
from consent.requests.officers import officers_addresses
from profiles.lib.checkpoints import reach

logger = logging.getLogger(__name__)
THRESHOLDS = (10, 3)  # days
# How long mails that were written to files are kept.
_KEPT = timedelta(days=30)


class DueCounts(NamedTuple):
    """How many open requests are overdue, and due within each threshold."""

    overdue: int
    soon: int
    later: int

    @property
    def urgent(self) -> int:
        return self.overdue + self.soon


def count_due(now: datetime) -> DueCounts:
    """Count the open requests by what is left of their time."""
    most = now + timedelta(days=max(THRESHOLDS) + 1)
    left = [days_left(row, now) for row in open_requests().filter(due_at__lte=most)]
    low, high = min(THRESHOLDS), max(THRESHOLDS)
    return DueCounts(
        sum(days < 0 for days in left),
        sum(0 <= days <= low for days in left),
        sum(low < days <= high for days in left),
    )


def tell_of_deadlines(*, now: datetime) -> int:
    """Mail owners, or all officers, what is due within a threshold; return how many requests."""
    most = now + timedelta(days=max(THRESHOLDS) + 1)
    waiting: dict[tuple[str, ...], list[PrivacyRequest]] = defaultdict(list)
    for row in open_requests().filter(due_at__lte=most).select_related("owner"):
        if days_left(row, now) <= max(THRESHOLDS):
            waiting[_addresses(row)].append(row)
    return sum(_try_to_tell(addresses, rows, now) for addresses, rows in waiting.items())


def _addresses(row: PrivacyRequest) -> tuple[str, ...]:
    owner = row.owner
    if owner is not None and owner.is_active and owner.email:
        return (owner.email,)
    return tuple(officers_addresses())


def _try_to_tell(addresses: Sequence[str], rows: Iterable[PrivacyRequest], now: datetime) -> int:
    try:
        return _tell(addresses, rows, now)
    except (OSError, SMTPException) as error:
        # The next run tries again. Only the type: the text may have the address in it.
        logger.error("Alerts could not be mailed: %s.", type(error).__name__)
        return 0


@transaction.atomic
def _tell(addresses: Sequence[str], rows: Iterable[PrivacyRequest], now: datetime) -> int:
    # Where nobody has an address Home and the menu tell it, and a mail may follow.
    if not addresses:
        return 0
    due = [row for row in rows if _is_new(row, now)]
    for address in addresses if due else ():
        lines = [(row, days_in_words(days_left(row, now))) for row in due]
        send("deadlines", address, expires_at=now + _KEPT, requests=lines)
    reach(checkpoints.TOLD_OF_DEADLINES, due)
    return len(due)


def _is_new(row: PrivacyRequest, now: datetime) -> bool:
    """Note the thresholds that a request has passed; return whether one was not told yet."""
    days = days_left(row, now)
    # Another worker that tells the same waits here until this transaction ends.
    made = [
        DeadlineAlert.objects.get_or_create(
            request=row, threshold=threshold, defaults={"told_at": now}
        )[1]
        for threshold in THRESHOLDS
        if days <= threshold
    ]
    return any(made)
