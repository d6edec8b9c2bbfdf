"""The alarm clock of memberships: a thread of beat that wakes a worker when a wake-up is due.

The wake-ups are rows. So nothing is lost when beat dies: the next one reads the same rows, and the
look at all profiles every minute finds whoever is missing.
"""

import logging
import threading
import time

from django.db import DatabaseError, InterfaceError, connection

from profiles.lib.change_queue import nudge
from segments.services import seconds_to_wakeup

# Another process may add an earlier wake-up meanwhile, so the clock looks again after so long.
LONGEST_SLEEP = 0.5
# While a worker is on its way, and while the database is away.
PATIENCE = 0.25
logger = logging.getLogger(__name__)


def start_alarm() -> None:
    """Start the thread, which ends with its process."""
    threading.Thread(target=_run, name="alarm", daemon=True).start()


def _run() -> None:
    while True:
        time.sleep(ring_if_due())


def ring_if_due() -> float:
    """Wake a worker if a wake-up is due, with one query; return for how long to sleep, in s."""
    try:
        seconds = seconds_to_wakeup()
    except (DatabaseError, InterfaceError) as error:
        logger.warning("No wake-up can be read: %s", type(error).__name__)
        connection.close()
        return PATIENCE
    if seconds is None or seconds > 0:
        return LONGEST_SLEEP if seconds is None else min(seconds, LONGEST_SLEEP)
    nudge("segments.refresh_woken")
    return PATIENCE
