"""The short session that a mailed link opens, once."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from consent.models import MailedLink
from profiles.lib.credentials import digest_of, make_credential
from profiles.lib.database import database_now

SESSION_MINUTES = 30


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A session's token, shown once, and its end."""

    token: str
    expires_at: datetime


def open_session(token: str) -> OpenedSession | None:
    """Use a link up, once; None where it is unknown, used or too old."""
    now = database_now()
    session = make_credential("tps")
    expires_at = now + timedelta(minutes=SESSION_MINUTES)
    used = MailedLink.objects.filter(
        token_digest=digest_of(token),
        used_at=None,
        sent_at__isnull=False,
        expires_at__gt=now,
        identifier_id__isnull=False,
    ).update(used_at=now, session_digest=session.digest, session_expires_at=expires_at)
    return OpenedSession(session.secret, expires_at) if used == 1 else None


def session_of(token: str) -> MailedLink | None:
    """The link whose session the token opens, while that lasts."""
    return MailedLink.objects.filter(
        session_digest=digest_of(token), session_expires_at__gt=database_now()
    ).first()
