"""How much one write key may send: messages by the minute, counted in Valkey for all web processes together.

Without Valkey, or while it does not answer, everything is let through: a counter must not lose messages.
"""

import math

from django.conf import settings
from redis import RedisError

from profiles.lib.valkey import valkey

WINDOW_SECONDS = 60


def seconds_to_wait(key: str, *, messages: int, now: float) -> int:
    """0 if the key may send so many messages now (in epoch seconds); else the seconds until its next minute begins."""
    limit = settings.TRACKING_MESSAGES_PER_MINUTE
    client = valkey()
    if not limit or client is None:
        return 0
    window, passed = divmod(now, WINDOW_SECONDS)
    name = f"rate:{key}:{window:.0f}"
    try:
        with client.pipeline(transaction=True) as pipeline:
            pipeline.incrby(name, messages)
            pipeline.expire(name, 2 * WINDOW_SECONDS)
            sent = int(pipeline.execute()[0])
    except (RedisError, OSError):
        return 0
    # A single request larger than the limit passes at the start of a minute: it could never be sent otherwise.
    return 0 if sent <= limit or sent == messages else math.ceil(WINDOW_SECONDS - passed)
