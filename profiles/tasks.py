"""Celery tasks of profiles."""

from celery import shared_task
from django.core.management import call_command

from profiles.lib import partitions
from profiles.lib.database import database_now
from profiles.services import prune_audit as prune_audit_entries


@shared_task(name="profiles.make_partitions")
def make_partitions() -> None:
    """Make the coming months' partitions of every partitioned table."""
    now = database_now()
    for table in partitions.PARTITIONED_TABLES:
        partitions.make_months(table, now=now)


@shared_task(name="profiles.prune_audit")
def prune_audit() -> None:
    """Delete audit entries that are older than the setting AUDIT_DAYS."""
    prune_audit_entries()


@shared_task(name="profiles.clear_sessions")
def clear_sessions() -> None:
    """Delete the sessions of staff that have ended."""
    call_command("clearsessions")
