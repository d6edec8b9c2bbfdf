"""Whether the database knows all that the journal has: a restored backup does not.

Invariant: a database is behind where the file has a line with a greater number than any that it
knows, and which does not wait in it to be numbered.
"""

import time
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.backends.signals import connection_created
from django.db.models import Max
from django.dispatch import receiver

from consent.journal.file import JournalFile, JournalUnreadable
from consent.models import JournalEntry

# A restored database is one with new connections, at which it is asked at once.
CHECKED_SECONDS = 5.0


class _Verdict:
    """The last answer, and when it was found."""

    def __init__(self) -> None:
        self.is_behind = False
        self.until = 0.0


_verdict = _Verdict()


def journal() -> JournalFile | None:
    """Return the file of the setting PRIVACY_JOURNAL, None where there is none."""
    return JournalFile(Path(settings.PRIVACY_JOURNAL)) if settings.PRIVACY_JOURNAL else None


def awaits_replay() -> bool:
    """Whether nothing may be shown or sent before `privacy_replay` has run; asked very often."""
    if not settings.PRIVACY_JOURNAL:
        return False
    now = time.monotonic()
    if now >= _verdict.until:
        # A database that is behind is asked again each time: the replay may have ended.
        _verdict.is_behind = _cannot_be_trusted()
        _verdict.until = 0.0 if _verdict.is_behind else now + CHECKED_SECONDS
    return _verdict.is_behind


def _cannot_be_trusted() -> bool:
    try:
        return is_behind()
    except (JournalUnreadable, OSError):
        # What cannot be read may have anything.
        return True


@receiver(connection_created)
def ask_again(**_: object) -> None:
    """Trust no former answer with a new connection."""
    _verdict.until = 0.0


def is_behind() -> bool:
    """Whether the file has acts that the database does not know."""
    return bool(lost_lines())


def lost_lines() -> list[dict[str, Any]]:
    """Return the lines of the file that the database does not know, the oldest first.

    Raises JournalUnreadable.
    """
    file = journal()
    if file is None or file.last_seq() <= known_seq():
        return []
    lines = file.after(known_seq())
    waiting = set(JournalEntry.objects.filter(seq=None).values_list("pk", flat=True))
    lost = [line for line in lines if UUID(line["id"]) not in waiting]
    if not lost:
        # Only their numbers were lost, when a process died between the file and the database.
        number({UUID(line["id"]): line["seq"] for line in lines})
    return lost


def journal_fault() -> str | None:
    """Return what is wrong with the journal, None where it is well."""
    file = journal()
    if file is None:
        return None
    try:
        if is_behind():
            return "restored_backup"
        # The file was lost, or is another one. Nothing of people is forgotten by that yet.
        return "lines_missing" if file.last_seq() < known_seq() else None
    except (JournalUnreadable, OSError):
        # Or its disk is not there: `/readyz` has to say so as well.
        return "unreadable"


def known_seq() -> int:
    """Return the number of the newest line that the database knows, 0 where it knows none."""
    return JournalEntry.objects.aggregate(last=Max("seq"))["last"] or 0


def number(seqs: dict[UUID, int]) -> None:
    """Keep which lines of the file the database knows."""
    with transaction.atomic():
        for pk, seq in seqs.items():
            JournalEntry.objects.filter(pk=pk).update(seq=seq)
