"""Celery tasks of this app: no arguments that name anybody, one service call each."""

import logging

from celery import shared_task

from consent import services
from profiles.lib.change_queue import answer_nudge

logger = logging.getLogger(__name__)


@shared_task(name="consent.act_on_requests")
def act_on_requests() -> int:
    """Act on privacy requests, and mail the links whose nudge was lost."""
    answer_nudge("consent.act_on_requests")
    services.send_links()
    return services.act_on_requests()


@shared_task(name="consent.send_links")
def send_links() -> int:
    """Mail the links that were asked for."""
    answer_nudge("consent.send_links")
    return services.send_links()


@shared_task(name="consent.verify_states")
def verify_states() -> int:
    """Compare states with the ledger; what differs is logged by number and left for people to look at."""
    drift = services.verify_states()
    if drift:
        logger.error("%s consent states differ from the ledger; see verify_ledger.", len(drift))
    return len(drift)


@shared_task(name="consent.remove_expired")
def remove_expired() -> int:
    return services.remove_expired()
