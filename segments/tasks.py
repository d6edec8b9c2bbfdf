"""The Celery tasks of this app: each calls one service.

Invariant: arguments are ids only, and every task may run twice, at the same time as another, or be
killed at any line.
"""

import logging

from celery import shared_task
from django.conf import settings

from profiles.lib.change_queue import answer_nudge
from segments import services
from segments.models import Segment

logger = logging.getLogger(__name__)


@shared_task(name="segments.refresh_changed")
def refresh_changed() -> None:
    """Evaluate the profiles that changed."""
    answer_nudge("segments.refresh_changed")
    services.refresh_changed()


@shared_task(name="segments.refresh_due")
def refresh_due() -> None:
    """Look for all profiles that change by time about now, and evaluate those that have."""
    answer_nudge("segments.refresh_due")
    services.refresh_due()


@shared_task(name="segments.refresh_woken")
def refresh_woken() -> None:
    """Evaluate the profiles whose wake-up is due."""
    answer_nudge("segments.refresh_woken")
    services.refresh_woken()


@shared_task(name="segments.rebuild")
def rebuild(segment_id: int) -> None:
    """Rebuild one segment, if it still exists."""
    for key in Segment.objects.filter(pk=segment_id).values_list("key", flat=True):
        try:
            services.rebuild([key])
        except services.SegmentFailed as error:
            # It is set apart, shown as failed, and tried again by resume_rebuilds.
            logger.error("Segment %s failed: %s.", key, error.segment.failure)


@shared_task(name="segments.resume_rebuilds")
def resume_rebuilds() -> None:
    """Run the rebuilds of dead workers, and build segments with a new version."""
    answer_nudge("segments.resume_rebuilds")
    services.resume_rebuilds()


@shared_task(name="segments.stop_silent_exports")
def stop_silent_exports() -> None:
    """Mark as stopped the exports whose process is gone, and end those nobody fetched in time."""
    services.stop_silent_exports()
    services.expire_exports()


@shared_task(name="segments.deliver")
def deliver() -> None:
    """Call the webhooks that something waits for."""
    answer_nudge("segments.deliver")
    services.deliver(lanes=settings.WEBHOOK_LANES)


@shared_task(name="segments.derive_told")
def derive_told() -> None:
    """Compare what webhooks were told with who is in, where that is asked for."""
    answer_nudge("segments.derive_told")
    services.derive_told()


@shared_task(name="segments.keep_webhooks")
def keep_webhooks() -> None:
    """Pause webhooks that failed for days, and delete what is old of their logs."""
    services.keep_webhooks()


@shared_task(name="segments.advance_automations")
def advance_automations() -> None:
    """Advance the runs of automations that are due; one query where none is."""
    answer_nudge("segments.advance_automations")
    services.advance()


@shared_task(name="segments.start_by_date")
def start_by_date() -> None:
    """Start the automations whose day it is for somebody."""
    services.start_by_date()


@shared_task(name="segments.send_automation_mails")
def send_automation_mails() -> None:
    """Send the mails of automations that wait."""
    answer_nudge("segments.send_automation_mails")
    services.send_mails()


@shared_task(name="segments.verify")
def verify() -> None:
    """Log the segments whose memberships differ from a full evaluation. Nothing is repaired."""
    for key, drift in services.verify_memberships().items():
        if drift is None:
            logger.error("Segment %s could not be evaluated.", key)
        elif drift:
            logger.error("Segment %s has %d memberships that are not right.", key, drift)
