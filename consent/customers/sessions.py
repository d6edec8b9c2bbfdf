"""The short session that a mailed link opens."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from consent.models import MailedLink
from profiles.lib.credentials import digest_of, make_credential
from profiles.lib.database import database_now

SESSION_MINUTES = 30


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """The token of a new session, which is not stored, and the end of the session."""

    token: str
    expires_at: datetime


def open_session(token: str) -> OpenedSession | None:
    """Exchange the token of a link for a session; None if it is unknown, used or expired."""
    now = database_now()
    session = make_credential("tps")
    expires_at = now + timedelta(minutes=SESSION_MINUTES)
    # One conditional update: two callers cannot both use the link.
    used = MailedLink.objects.filter(
        token_digest=digest_of(token),
        used_at=None,
        sent_at__isnull=False,
        expires_at__gt=now,
        identifier_id__isnull=False,
    ).update(used_at=now, session_digest=session.digest, session_expires_at=expires_at)
    return OpenedSession(session.secret, expires_at) if used == 1 else None


def find_session(token: str) -> MailedLink | None:
    """Return the link whose session has this token and has not ended."""
    return MailedLink.objects.filter(
        session_digest=digest_of(token), session_expires_at__gt=database_now()
    ).first()


def end_session(token: str) -> None:
    """End the session with this token, if there is one."""
    sessions = MailedLink.objects.filter(session_digest=digest_of(token))
    sessions.update(session_expires_at=database_now())
