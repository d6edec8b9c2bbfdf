"""What came of a call to a receiver, and what follows from it for the receiver.

Invariant: a receiver that takes no call is left alone for growing times.
"""

import logging
import random
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from django.conf import settings
from django.db.models import F, Q

from segments.models import Delivery, Webhook

FIRST_DELAY, LONGEST_DELAY = timedelta(seconds=5), timedelta(hours=1)
NOTED_WITHIN = timedelta(seconds=10)
# What a receiver says of one delivery, and not of itself: these are tried again like an outage.
NOT_NOW = (408, 425, 429)
GONE = 410
logger = logging.getLogger(__name__)


class Outcome(NamedTuple):
    """What came of a call: the status that answered, or a word for why none did.

    `is_general` says that it is about the receiver, and not about whom the call was about.
    """

    answer: int | None
    fault: str
    retry_after: str = ""
    is_general: bool = False

    @property
    def is_taken(self) -> bool:
        return self.answer is not None and 200 <= self.answer < 300

    @property
    def is_refusal(self) -> bool:
        """Whether the receiver is well and does not want this one."""
        status = self.answer
        if status is None or self.is_general:
            return False
        return 300 <= status < 500 and status not in NOT_NOW


def is_hopeless(receiver: Webhook, delivery: Delivery, outcome: Outcome, now: datetime) -> bool:
    """Whether the receiver takes others, and has not taken this one for days."""
    since = delivery.first_tried_at or now
    succeeded_at = receiver.succeeded_at
    is_well = outcome.is_refusal or (succeeded_at is not None and succeeded_at > since)
    return is_well and now - since >= timedelta(days=settings.WEBHOOK_FAILING_DAYS)


def delay_after(attempts: int, retry_after: str, now: datetime) -> timedelta:
    """Return how long to wait: twice as long each time, by chance a quarter more or less.

    A receiver's own Retry-After holds where it is longer, up to a day.
    """
    grown: timedelta = min(FIRST_DELAY * 2 ** min(attempts - 1, 12), LONGEST_DELAY)
    jittered = grown * random.uniform(0.75, 1.25)  # noqa: S311  # no secret
    return max(jittered, min(_seconds_of(retry_after, now), timedelta(days=1)))


def _seconds_of(retry_after: str, now: datetime) -> timedelta:
    """Read a Retry-After: seconds, or a date of HTTP; nothing else is waited for."""
    if retry_after.isascii() and retry_after.isdigit():
        return timedelta(seconds=min(int(retry_after[:9]), 86_400))
    try:
        return max(parsedate_to_datetime(retry_after) - now, timedelta())
    except (ValueError, TypeError, OverflowError):
        return timedelta()


def count_success(receiver: Webhook, now: datetime) -> None:
    """Keep that a receiver took a call, and when to some seconds.

    Calls of one receiver that end at once would wait for one another to write down the same.
    """
    rows = Webhook.objects.filter(pk=receiver.pk)
    is_news = Q(failures__gt=0) | Q(succeeded_at=None) | Q(succeeded_at__lt=now - NOTED_WITHIN)
    rows.filter(is_news).update(failures=0, failing_since=None, retry_at=None, succeeded_at=now)


def count_failure(webhook: Webhook, outcome: Outcome, now: datetime) -> bool:
    """Keep that a call was not taken; return whether others may be made at once."""
    if outcome.is_refusal and outcome.answer != GONE:
        return True
    rows = Webhook.objects.filter(pk=webhook.pk)
    if outcome.answer == GONE:
        rows.filter(paused_at=None).update(paused_at=now, pause_reason=Webhook.PauseReason.GONE)
        return False
    delay = delay_after(webhook.failures + 1, outcome.retry_after, now)
    rows.update(
        failures=F("failures") + 1,
        failing_since=webhook.failing_since or now,
        retry_at=now + delay,
    )
    logger.warning("Webhook %s took no call: %s.", webhook.pk, outcome.answer or outcome.fault)
    return False
