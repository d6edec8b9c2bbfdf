"""Pausing the drain, and finding out when it can go on."""

import logging

from django.db import connection

from ingestion.inbox import sql
from ingestion.models import DrainPause

logger = logging.getLogger(__name__)


def pause_drain(error_type: str) -> None:
    """Stop the drains of all workers; rows stay as they are."""
    logger.error("The drain is paused: messages fail with %s by no fault of theirs.", error_type)
    DrainPause.objects.get_or_create(defaults={"error": error_type[:120]})


def drain_is_paused() -> bool:
    return DrainPause.objects.exists()


def pause_reason() -> str | None:
    """The name of the error for which the drain is paused; None where it is not."""
    return DrainPause.objects.values_list("error", flat=True).first()


def take_probe() -> bool:
    """Whether it is this worker's turn to try one row. The turns come ever more seldom."""
    with connection.cursor() as cursor:
        cursor.execute(sql.TAKE_PROBE)
        return bool(cursor.rowcount)


def end_pause() -> None:
    """Let all workers drain again."""
    DrainPause.objects.all().delete()
