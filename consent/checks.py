"""System checks of this app.

Invariant: they only read, and they pass where the database is not set up yet.
"""

from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.db import DatabaseError
from django.utils import timezone

from consent.journal.state import journal_fault
from consent.opendsr.certificates import certificate_faults
from consent.suppression.keys import check_suppression_key

# What the check says of each fault of the journal, and what to do.
_JOURNAL_FAULTS = {
    "restored_backup": (
        "The database is a restored backup that forgot what people asked for since.",
        "Run manage.py privacy_replay; nothing of people is shown or sent before.",
    ),
    "lines_missing": (
        "The privacy journal lacks lines that this database gave it.",
        "Bring the file of PRIVACY_JOURNAL back; an older backup needs it.",
    ),
    "unreadable": (
        "The privacy journal cannot be read.",
        "Mend the file of PRIVACY_JOURNAL; nothing of people is shown or sent before.",
    ),
}


def check_keys(*, databases: Sequence[str] | None = None, **_: object) -> list[CheckMessage]:
    """Report each key with suppressions that is not configured, as `consent.E001`."""
    if not databases:
        return []
    try:
        faults = check_suppression_key()
    except DatabaseError:
        # The tables are missing before the first migration.
        return []
    hint = "Set SUPPRESSION_KEY to the key it was; without it no message is taken in."
    return [Error(fault, hint=hint, id="consent.E001") for fault in faults]


def check_journal(**_: object) -> list[CheckMessage]:
    """Return `consent.W002` where a restored backup would undo what people asked for.

    Registered for `check --deploy`.
    """
    if not settings.PRIVACY_JOURNAL:
        fault = "No privacy journal is kept"
    elif Path(settings.PRIVACY_JOURNAL).is_relative_to(settings.DATA_DIR):
        fault = "The privacy journal lies below DATA_DIR, with which it would be restored"
    else:
        return []
    hint = "Set PRIVACY_JOURNAL to a file that is on no backup of the database, for all machines."
    return [checks.Warning(f"{fault}.", hint=hint, id="consent.W002")]


def check_replay(*, databases: Sequence[str] | None = None, **_: object) -> list[CheckMessage]:
    """Return `consent.W003` where the database does not fit the privacy journal.

    A warning, since an error would keep `migrate` from bringing an older backup up to date.
    """
    if not databases:
        return []
    try:
        fault = journal_fault()
    except DatabaseError:
        return []
    if fault is None:
        return []
    words, hint = _JOURNAL_FAULTS[fault]
    return [checks.Warning(words, hint=hint, id="consent.W003")]


def check_certificate(**_: object) -> list[CheckMessage]:
    """Return `consent.W001` for what controllers refuse of the certificate of OpenDSR.

    Registered for `check --deploy`.
    """
    hint = "Set OPENDSR_KEY_FILE and OPENDSR_CERTIFICATE_FILE, or ignore it without OpenDSR."
    return [
        checks.Warning(f"The certificate of OpenDSR: {fault}.", hint=hint, id="consent.W001")
        for fault in certificate_faults(timezone.now())
    ]
