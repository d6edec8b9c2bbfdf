"""System checks of this app. Invariant: they read only, and say nothing where there is no database yet."""

from collections.abc import Sequence

from django.core.checks import CheckMessage, Error
from django.db import DatabaseError

from consent.suppression.keys import check_suppression_key


def check_keys(*, databases: Sequence[str] | None = None, **_: object) -> list[CheckMessage]:
    """`consent.E001`: suppressed people cannot be recognised with the keys that are configured."""
    if not databases:
        return []
    try:
        faults = check_suppression_key()
    except DatabaseError:
        return []
    hint = "Set SUPPRESSION_KEY to the key it was; without it no message is taken in."
    return [Error(fault, hint=hint, id="consent.E001") for fault in faults]
