"""The type of a time on the command line."""

from argparse import ArgumentTypeError
from datetime import datetime

from django.utils import timezone


def moment(text: str) -> datetime:
    """Parse an ISO 8601 time for argparse; without an offset it is in the store's time zone.

    A day is its first instant there. Raises ArgumentTypeError.
    """
    try:
        stated = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(
            f"{text!r} is no day or time such as 2026-03-15 or 2026-03-15T09:30:00Z"
        ) from None
    zone = timezone.get_default_timezone()
    return timezone.make_aware(stated, zone) if timezone.is_naive(stated) else stated
