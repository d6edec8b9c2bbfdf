"""Celery tasks of profiles."""

from celery import shared_task
from django.core.management import call_command

from profiles.lib import partitions
from profiles.lib.change_queue import answer_nudge, nudge
from profiles.lib.database import database_now
from profiles.services import APPLY_RULES, prune_reads, run_applications, set_all_apart
from profiles.services import measure_health as measure_identity_health
from profiles.services import prune_audit as prune_audit_entries

# A task that judged for ever would keep its worker from a soft shutdown.
APPLY_SECONDS = 20


@shared_task(name="profiles.make_partitions")
def make_partitions() -> None:
    """Make the coming months' partitions of every partitioned table."""
    now = database_now()
    for table in partitions.PARTITIONED_TABLES:
        partitions.make_months(table, now=now)


@shared_task(name="profiles.measure_health")
def measure_health() -> None:
    """Keep today's figures of identity health."""
    measure_identity_health()


@shared_task(name="profiles.set_special_apart")
def set_special_apart() -> None:
    """Encrypt and set apart what lies open of special traits, from versions that knew no better."""
    set_all_apart()


@shared_task(name="profiles.prune_audit")
def prune_audit() -> None:
    """Delete audit entries older than the setting AUDIT_DAYS, and reads than READ_LOG_DAYS."""
    prune_audit_entries()
    prune_reads()


@shared_task(name="profiles.clear_sessions")
def clear_sessions() -> None:
    """Delete the sessions of staff that have ended."""
    call_command("clearsessions")


@shared_task(name=APPLY_RULES)
def apply_identity_rules() -> None:
    """Judge facts again by rules that are being applied, and continue in another task."""
    answer_nudge(APPLY_RULES)
    if run_applications(seconds=APPLY_SECONDS):
        nudge(APPLY_RULES)


@shared_task(name="matching.propose")
def propose() -> None:
    """Compare who changed since the last run with everybody, and propose pairs of profiles."""
    # Here, since only the workers of this queue have the memory for Splink.
    from profiles.matching.propose import propose_matches

    propose_matches()
