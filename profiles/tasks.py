"""Celery tasks of profiles."""

from celery import shared_task

from profiles.lib import partitions
from profiles.lib.database import database_now


@shared_task(name="profiles.make_partitions")
def make_partitions() -> None:
    """Make the coming months' partitions of every partitioned table."""
    now = database_now()
    for table in partitions.PARTITIONED_TABLES:
        partitions.make_months(table, now=now)
