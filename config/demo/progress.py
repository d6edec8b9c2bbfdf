"""How far a load of the demo is, for the admin's home page and `/readyz`.

It is kept in Valkey: what gets lost with it is only shown, and never decides anything.
"""

import logging
from typing import NamedTuple

import msgspec
from redis import RedisError

from profiles.lib.valkey import valkey

logger = logging.getLogger(__name__)

_KEY = "demo:progress"
# A load that was killed is shown no longer than this. Building the segments is its longest step.
_SECONDS = 600


class Progress(NamedTuple):
    """How many messages are in, of how many. Once all are, the segments are being built."""

    messages: int
    total: int

    @property
    def percent(self) -> int:
        return 100 * self.messages // self.total if self.total else 0


def note_progress(messages: int, total: int) -> None:
    """Keep how far the load is."""
    client = valkey()
    try:
        if client is not None:
            client.set(_KEY, msgspec.json.encode([messages, total]), ex=_SECONDS)
    except RedisError as error:
        logger.info("Progress is not shown: %s", type(error).__name__)


def end_progress() -> None:
    """Show no progress any more."""
    client = valkey()
    try:
        if client is not None:
            client.delete(_KEY)
    except RedisError as error:
        logger.info("Progress is not ended: %s", type(error).__name__)


def current_progress() -> Progress | None:
    """Return how far a load is that is under way, None where there is none."""
    client = valkey()
    try:
        stored = client.get(_KEY) if client is not None else None
    except RedisError:
        return None
    return Progress(*msgspec.json.decode(stored, type=tuple[int, int])) if stored else None
