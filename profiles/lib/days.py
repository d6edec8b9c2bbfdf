"""Days of the store's zone.

Django's `localdate` is of the zone of the request, which is UTC throughout the API.
"""

from datetime import date, datetime

from django.utils import timezone


def store_day(moment: datetime) -> date:
    """Return the day of an instant in the store's zone (`TIME_ZONE`), whoever asks."""
    return timezone.localdate(moment, timezone.get_default_timezone())
