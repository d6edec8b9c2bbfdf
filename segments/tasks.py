"""What workers do for segments: ids in, one service call out. Every task may run twice, at once, or be killed at any line."""

import logging

from celery import shared_task

from profiles.lib.change_queue import answer_nudge
from segments import services
from segments.models import Segment

logger = logging.getLogger(__name__)


@shared_task(name="segments.refresh_changed")
def refresh_changed() -> None:
    answer_nudge("segments.refresh_changed")
    services.refresh_changed()


@shared_task(name="segments.refresh_due")
def refresh_due() -> None:
    services.refresh_due()


@shared_task(name="segments.rebuild")
def rebuild(segment_id: int) -> None:
    for key in Segment.objects.filter(pk=segment_id).values_list("key", flat=True):
        services.rebuild([key])


@shared_task(name="segments.resume_rebuilds")
def resume_rebuilds() -> None:
    answer_nudge("segments.resume_rebuilds")
    services.resume_rebuilds()


@shared_task(name="segments.verify")
def verify() -> None:
    for key, drift in services.verify_memberships().items():
        if drift:
            logger.error("Segment %s has %d memberships that are not right.", key, drift)
