"""Mail to privacy officers: that something needs them. It names no customer.

Invariant: what is told is claimed first, so that it is told once at most, whatever is killed. The
admin shows the same for as long as it stands.
"""

import logging
from collections.abc import Collection
from datetime import datetime, timedelta
from smtplib import SMTPException

from django.contrib.auth.models import User

from consent.customers.mail import send
from consent.models import BulkRequest

logger = logging.getLogger(__name__)
ROLE = "privacy officer"
# How long mails that were written to files are kept.
_KEPT = timedelta(days=30)


def officers_addresses() -> list[str]:
    """Return the e-mail addresses of the privacy officers who have one."""
    officers = User.objects.filter(groups__name=ROLE, is_active=True).exclude(email="")
    return sorted(set(officers.values_list("email", flat=True)))


def tell_of_broken_glass(*, now: datetime) -> int:
    """Tell all officers of requests about many people that went on without a second person."""
    broken = BulkRequest.objects.filter(state=BulkRequest.State.BROKEN_GLASS, alerted_at=None)
    return sum(_tell_of(bulk, now) for bulk in broken)


def mail_staff(
    template: str, addresses: Collection[str], *, now: datetime, **context: object
) -> None:
    """Mail each address by itself; one that fails does not keep the others from theirs."""
    for address in addresses:
        try:
            send(template, address, expires_at=now + _KEPT, **context)
        except (OSError, SMTPException) as error:
            # Only the type: the text may have the address in it.
            logger.error("A mail to staff could not be sent: %s.", type(error).__name__)


def _tell_of(bulk: BulkRequest, now: datetime) -> int:
    claimed = BulkRequest.objects.filter(pk=bulk.pk, alerted_at=None).update(alerted_at=now)
    if claimed:
        path = f"/admin/consent/bulkrequest/{bulk.pk}/change/"
        mail_staff(
            "broken_glass",
            officers_addresses(),
            now=now,
            path=path,
            people=len(bulk.person_ids),
            reason=bulk.decision_reason,
        )
    return claimed
