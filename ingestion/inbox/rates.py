"""The rate limit of a write key: messages per minute, counted in Valkey for all web processes.

Invariant: without Valkey, or while it does not answer, every request passes. A counter must not
lose messages.
"""

import math

from django.conf import settings
from redis import RedisError

from profiles.lib.valkey import valkey

WINDOW_SECONDS = 60


def seconds_to_wait(key: str, *, messages: int, now: float) -> int:
    """Count the messages and return 0 if the key may send them now.

    Otherwise returns the seconds until the next window begins. `now` is in epoch seconds.
    """
    limit = settings.TRACKING_MESSAGES_PER_MINUTE
    client = valkey()
    if not limit or client is None:
        return 0
    window, elapsed = divmod(now, WINDOW_SECONDS)
    name = f"rate:{key}:{window:.0f}"
    try:
        with client.pipeline(transaction=True) as pipeline:
            pipeline.incrby(name, messages)
            # Longer than the window, since the clocks of web processes differ.
            pipeline.expire(name, 2 * WINDOW_SECONDS)
            sent = int(pipeline.execute()[0])
    except (RedisError, OSError):
        return 0
    # A request larger than the limit passes if it is the first of a window, or it never could.
    is_first = sent == messages
    return 0 if sent <= limit or is_first else math.ceil(WINDOW_SECONDS - elapsed)
