"""What the failure of one piece of work is called, and when the work is tried again.

Invariant: a fault is a word such as `query_canceled`. The message of an error is never kept, since
it may quote a value of a person.
"""

import re
from datetime import timedelta

from django.db import Error

FIRST_DELAY = timedelta(minutes=1)
LONGEST_DELAY = timedelta(days=1)
# Classes of SQLSTATE that say something about the server, the connection or other transactions,
# and so nothing about the work: connection, transaction state and rollback, resources, locks,
# intervention, system, configuration.
OUTAGE_CLASSES = ("08", "25", "40", "53", "55", "57", "58", "F0")
# A statement that is cancelled took too long. PostgreSQL files that under intervention.
CANCELLED = "57014"


def fault_of(error: Exception) -> str:
    """Return the word for what failed. Raises the error again if it is an outage."""
    if is_outage(error):
        raise error
    return fault_word(error)


def is_outage(error: Exception) -> bool:
    """Whether the server, the connection or another transaction failed, and not the work itself."""
    if not isinstance(error, Error):
        return False
    state = str(getattr(error.__cause__, "sqlstate", None) or "")
    # Without a state the server was not reached.
    return not state or (state != CANCELLED and state.startswith(OUTAGE_CLASSES))


def fault_word(error: Exception) -> str:
    """Return the word for an error: the name of its type, or of the database's condition."""
    source = error.__cause__ if isinstance(error, Error) and error.__cause__ else error
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(source).__name__).lower()[:63]


def retry_delay(failures: int) -> timedelta:
    """Return how long to wait after so many failures in a row: twice as long each time."""
    # Twice as long twelve times is more than the longest delay already.
    delay: timedelta = FIRST_DELAY * 2 ** min(max(failures, 1) - 1, 12)
    return min(delay, LONGEST_DELAY)
