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

from consent.opendsr.certificates import certificate_faults
from consent.suppression.keys import check_suppression_key


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


def check_certificate(**_: object) -> list[CheckMessage]:
    """Return `consent.W001` for what controllers refuse of the certificate of OpenDSR.

    Registered for `check --deploy`.
    """
    hint = "Set OPENDSR_KEY_FILE and OPENDSR_CERTIFICATE_FILE, or ignore it without OpenDSR."
    return [
        checks.Warning(f"The certificate of OpenDSR: {fault}.", hint=hint, id="consent.W001")
        for fault in certificate_faults(timezone.now())
    ]
