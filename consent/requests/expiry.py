"""What goes by itself when its time is over. Invariant: nothing here is anybody's answer that could still be fetched."""

from datetime import timedelta

from consent.models import AccessArchive, MailedLink
from profiles.lib.database import database_now


def remove_expired() -> int:
    """Delete archives whose time is over, and links that neither open nor count any more; return how many rows."""
    now = database_now()
    archives, _ = AccessArchive.objects.filter(expires_at__lte=now).delete()
    links, _ = (
        MailedLink.objects.filter(created_at__lte=now - timedelta(hours=1), expires_at__lte=now)
        .exclude(session_expires_at__gt=now)
        .delete()
    )
    return archives + links
