"""What is done for webhooks now and then: old rows go, and one that nobody answers is paused."""

import logging
from datetime import timedelta

from django.conf import settings
from django.db.models import Count, Q

from profiles.lib.database import database_now
from segments.models import Delivery, ErasureNotice, Webhook

# An erased person's key is kept no longer, whether or not the receiver took the notice.
NOTICE_DAYS = 30
PauseReason = Webhook.PauseReason
logger = logging.getLogger(__name__)


def keep_webhooks() -> None:
    """Pause webhooks that failed for days or have too much waiting, and delete what is old."""
    now = database_now()
    running = Webhook.objects.filter(paused_at=None)
    since = now - timedelta(days=settings.WEBHOOK_FAILING_DAYS)
    if count := running.filter(failing_since__lte=since).update(
        paused_at=now, pause_reason=PauseReason.FAILING
    ):
        logger.error("%d webhooks took no call for days and are paused.", count)
    _pause_full()
    old = now - timedelta(days=settings.WEBHOOK_LOG_DAYS)
    Delivery.objects.filter(finished_at__lt=old).exclude(state=Delivery.State.PENDING).delete()
    forgotten = ErasureNotice.objects.filter(created_at__lt=now - timedelta(days=NOTICE_DAYS))
    forgotten.exclude(taken_at=None).delete()
    if count := forgotten.delete()[0]:
        logger.error("%d notices of erasure were never taken by their webhooks.", count)


def _pause_full() -> None:
    """Pause webhooks for which too much waits; nothing more is written for them."""
    waiting = Count("deliveries", filter=Q(deliveries__state=Delivery.State.PENDING))
    full = Webhook.objects.filter(is_behind=False).annotate(waiting=waiting)
    for webhook in full.filter(waiting__gt=settings.WEBHOOK_MOST_WAITING):
        Webhook.objects.filter(pk=webhook.pk).update(
            paused_at=webhook.paused_at or database_now(),
            pause_reason=webhook.pause_reason or PauseReason.QUOTA,
            is_behind=True,
        )
        logger.error("Too much waits for webhook %s, which is paused.", webhook.pk)


def paused_webhooks() -> list[Webhook]:
    """Return the webhooks that were paused by themselves, for the home page."""
    paused = Webhook.objects.exclude(pause_reason__in=["", PauseReason.STAFF])
    return list(paused.select_related("destination").order_by("name"))
