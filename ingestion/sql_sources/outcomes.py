"""How runs of SQL sources end, and when the next one begins.

Invariant: whatever a run writes of its source is written by the holder of the lease alone.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from ingestion.file_rows import finish_if_ended
from ingestion.models import FileImport, SqlRun, SqlSource
from profiles.lib.database import database_now
from profiles.lib.databases.faults import SqlFault
from profiles.lib.faults import retry_delay

logger = logging.getLogger(__name__)
# About eight hours of failures in a row, after which staff have to look.
MAX_FAILURES = 10
State, Status = SqlSource.State, FileImport.Status


class LostSqlSource(Exception):
    """Another worker reads the source now, or it was changed, paused or deleted."""


def lock_mine(sql_source: SqlSource, lease: UUID) -> None:
    """Hold the source until the transaction ends. Raises LostSqlSource."""
    mine = SqlSource.objects.select_for_update().filter(pk=sql_source.pk, lease=lease)
    if not mine.filter(state=State.ACTIVE).exists():
        raise LostSqlSource


def close_open_run(sql_source: SqlSource, fault: str, *, now: datetime) -> None:
    """End the run that is not finished, if there is one; its rows take effect all the same."""
    for run in SqlRun.objects.filter(sql_source=sql_source, finished_at=None):
        SqlRun.objects.filter(pk=run.pk).update(finished_at=now, fault=fault)
        _end_import(run)


def expire_runs(*, now: datetime) -> int:
    """Delete old runs that brought no rows; the others go with their imports."""
    oldest = now - timedelta(days=settings.IMPORT_DAYS)
    return SqlRun.objects.filter(file_import=None, finished_at__lt=oldest).delete()[0]


def end_run(sql_source: SqlSource, run: SqlRun, lease: UUID) -> None:
    """End a run that is whole. Raises LostSqlSource."""
    now = database_now()
    next_at = now + timedelta(minutes=sql_source.interval_minutes)
    _close(sql_source, run, lease, "", {"next_at": next_at, "failures": 0, "fault": ""}, now)


def fail_run(sql_source: SqlSource, run: SqlRun, lease: UUID, fault: SqlFault) -> None:
    """End a run that failed: the source waits, longer each time, and is paused in the end."""
    now = database_now()
    failures = sql_source.failures + 1
    changes: dict[str, Any] = {"failures": failures, "fault": fault.word}
    if fault.is_final or failures >= MAX_FAILURES:
        changes |= {"state": State.PAUSED, "pause_reason": fault.word}
    else:
        changes["next_at"] = now + retry_delay(failures)
    try:
        _close(sql_source, run, lease, fault.word, changes, now)
    except LostSqlSource:
        return
    logger.warning("A run of SQL source %s failed: %s.", sql_source.uuid, fault.word)


def _close(
    sql_source: SqlSource,
    run: SqlRun,
    lease: UUID,
    fault: str,
    changes: Mapping[str, Any],
    now: datetime,
) -> None:
    """End a run; the next one begins where it came to. Raises LostSqlSource."""
    position = {} if run.position is None else {"position": run.position}
    with transaction.atomic():
        mine = SqlSource.objects.filter(pk=sql_source.pk, lease=lease, state=State.ACTIVE)
        if not mine.update(lease=None, leased_until=None, **position, **changes):
            raise LostSqlSource
        SqlRun.objects.filter(pk=run.pk).update(finished_at=now, fault=fault)
        _end_import(run)


def _end_import(run: SqlRun) -> None:
    if run.file_import_id is not None:
        querying = FileImport.objects.filter(pk=run.file_import_id, status=Status.QUERYING)
        querying.update(status=Status.APPLYING)
        finish_if_ended(run.file_import_id)


def release(sql_source: SqlSource, lease: UUID, *, wait: timedelta = timedelta()) -> None:
    """Give the source back before it is read whole. Others that are due have their turn first."""
    mine = SqlSource.objects.filter(pk=sql_source.pk, lease=lease)
    mine.update(lease=None, leased_until=None, next_at=database_now() + wait)
