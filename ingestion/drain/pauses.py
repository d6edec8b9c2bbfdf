"""Pausing the drain, and finding out when it can go on."""

import logging

from django.db import connection
from django.db.models.functions import Now

from ingestion.inbox import sql
from ingestion.inbox.accept import DRAIN
from ingestion.models import DrainPause
from profiles.lib.change_queue import nudge
from profiles.services import Actor, audited

logger = logging.getLogger(__name__)

# Whoever may send rejected messages again may have a paused drain tried.
MAY_TRY = "ingestion.change_rejectedmessage"


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


def current_pause() -> DrainPause | None:
    """Why, since when and until when the drain is paused; None where it is not."""
    return DrainPause.objects.first()


def try_drain_now(*, actor: Actor) -> bool:
    """Let a worker try one row at once, as after a mended fault; return whether there is a pause.

    The pause ends if the row takes effect; else the next turns are as seldom as at its beginning.
    """
    with audited(actor, "drain.tried") as deed:
        is_paused = bool(DrainPause.objects.update(probe_at=Now(), probes=0))
        if is_paused:
            deed.about("drain", "pause")
            nudge(DRAIN)
    return is_paused


def end_pause() -> None:
    """Let all workers drain again."""
    DrainPause.objects.all().delete()
