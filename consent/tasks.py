"""The Celery tasks of this app: each calls one service, without arguments."""

import logging

from celery import shared_task

from consent import services
from profiles.lib.change_queue import answer_nudge, nudge
from profiles.lib.database import database_now

logger = logging.getLogger(__name__)


@shared_task(name="consent.act_on_requests")
def act_on_requests() -> int:
    """Act on privacy requests and return how many are now done or refused."""
    answer_nudge("consent.act_on_requests")
    # Beat runs this task only, so links whose own nudge was lost are mailed here.
    services.send_links()
    services.send_confirmations()
    services.take_up_subject_requests()
    services.tell_of_broken_glass(now=database_now())
    finished = services.act_on_requests() + services.resume_held_back()
    if finished:
        nudge("consent.send_callbacks")
    return finished


@shared_task(name="consent.send_links")
def send_links() -> int:
    """Mail all queued links and confirmations and return how many were due."""
    answer_nudge("consent.send_links")
    return services.send_links() + services.send_confirmations()


@shared_task(name="consent.send_callbacks")
def send_callbacks() -> int:
    """Tell controllers how their requests stand, and return how many callbacks arrived."""
    answer_nudge("consent.send_callbacks")
    return services.send_callbacks()


@shared_task(name="consent.give_to_journal")
def give_to_journal() -> int:
    """Append to the privacy journal what a call could not, and return how many lines."""
    return services.give_to_journal()


@shared_task(name="consent.sweep_traces")
def sweep_traces() -> int:
    """Take erased people out of other people's rows and return the number of rows."""
    return sum(services.sweep_traces().values())


@shared_task(name="consent.tell_of_deadlines")
def tell_of_deadlines() -> int:
    """Mail staff of requests that are due soon, and return of how many."""
    return services.tell_of_deadlines(now=database_now())


@shared_task(name="consent.verify_states")
def verify_states() -> int:
    """Compare the consent states with the ledger, and the ledger with its chain.

    Logs how many differ, and returns that number. Nothing is repaired: a difference is a defect
    that somebody should look at.
    """
    drifts, faults = services.verify_states(), services.verify_chain()
    if drifts:
        logger.error("%s consent states differ from the ledger; see verify_ledger.", len(drifts))
    if faults:
        logger.error("The ledger differs from its chain in %s places.", len(faults))
    return len(drifts) + len(faults)


@shared_task(name="consent.seal_ledger")
def seal_ledger() -> int:
    """Add a link to the chain for each new consent event and return how many."""
    return services.seal_ledger()


@shared_task(name="consent.prune_ledger")
def prune_ledger() -> int:
    """Take events out of the ledger that need to prove nothing any more; return how many."""
    return services.prune_ledger(now=database_now())


@shared_task(name="consent.remove_expired")
def remove_expired() -> int:
    """Delete expired archives, links, mail files and callbacks and return how many."""
    return services.remove_expired() + services.remove_old_callbacks()


@shared_task(name="consent.apply_retention")
def apply_retention() -> int:
    """Delete what no purpose keeps any more, once a day, and return the number of rows."""
    return sum(services.apply_daily_retention().values())
