"""The type of a time on the command line."""

import argparse
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings

from segments.language.calendar import parse_span


def moment(text: str) -> datetime:
    """Parse an ISO 8601 time for argparse; a date is the start of its local day."""
    span = parse_span(text, ZoneInfo(settings.TIME_ZONE))
    if span is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no date or time such as 2026-03-15T09:30:00Z"
        )
    return span.start
