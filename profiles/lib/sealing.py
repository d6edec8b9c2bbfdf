"""Sealing secrets that must be read again, by a key that is not in the database."""

import base64
import hmac

from cryptography.fernet import Fernet
from django.conf import settings


def box(subject: str) -> Fernet:
    """Return what seals and opens secrets of one subject."""
    # The one key of the installation that never changes.
    key = settings.DEDUPLICATION_KEY.encode()
    return Fernet(base64.urlsafe_b64encode(hmac.digest(key, subject.encode(), "sha256")))
