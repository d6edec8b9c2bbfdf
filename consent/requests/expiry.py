"""Deleting expired archives, links, answers and mail files.

Invariant: nothing that a customer could still use is deleted.
"""

from datetime import timedelta

from consent.customers.confirmations import remove_expired_confirmations
from consent.customers.mail import delete_expired_mail_files
from consent.idempotency import remove_old_answers
from consent.models import AccessArchive, MailedLink
from profiles.lib.database import database_now


def remove_expired() -> int:
    """Delete expired archives, links, answers and mail files, and return how many."""
    now = database_now()
    archives, _ = AccessArchive.objects.filter(expires_at__lte=now).delete()
    links, _ = (
        # Links of the last hour count towards the limit of links per address, so they stay.
        MailedLink.objects.filter(created_at__lte=now - timedelta(hours=1), expires_at__lte=now)
        .exclude(session_expires_at__gt=now)
        .delete()
    )
    links += remove_expired_confirmations(now)
    return archives + links + remove_old_answers() + delete_expired_mail_files(now)
