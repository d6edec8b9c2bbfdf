"""Limits of how often something may be tried, counted in Valkey for all web processes.

Invariant: Valkey holds a keyed hash of whom a limit is about, and no address or name. While it is
away, each process counts for itself: what guards a door never stands open.
"""

import hashlib
import math
import time
from enum import StrEnum
from functools import cache

from django.conf import settings
from limits import parse
from limits.storage import MemoryStorage, RedisStorage, Storage
from limits.strategies import FixedWindowRateLimiter
from redis import RedisError


class Throttle(StrEnum):
    """What is limited; the rates are in `settings.THROTTLES` under these names."""

    LOGIN = "login"  # by account and sender
    LOGIN_SENDER = "login_sender"
    LINK = "link"  # by sender
    PRIVACY_REQUEST = "privacy_request"  # by person and kind of request
    API = "api"  # by API key
    FIND = "find"  # by member of staff
    OMNIBOX = "omnibox"  # by member of staff
    MAIL = "mail"  # of automations, by domain of the address


def seconds_to_wait(throttle: Throttle, *subject: object) -> int:
    """Count one attempt of the subject; return 0 if it may go ahead, else the seconds to wait."""
    rate = settings.THROTTLES[throttle]
    if not rate:
        return 0
    try:
        return _count(shared_counts(), throttle, _digest(subject))
    except (RedisError, OSError):
        return _count(_own_counts(), throttle, _digest(subject))


def _count(limiter: FixedWindowRateLimiter, throttle: Throttle, digest: str) -> int:
    rate = parse(settings.THROTTLES[throttle])
    if limiter.hit(rate, throttle, digest):
        return 0
    reset_at = limiter.get_window_stats(rate, throttle, digest).reset_time
    return max(1, math.ceil(reset_at - time.time()))


def _digest(subject: tuple[object, ...]) -> str:
    key = hashlib.sha256(settings.SECRET_KEY.encode()).digest()
    text = "\x00".join(map(str, subject)).encode(errors="replace")
    return hashlib.blake2b(text, key=key, digest_size=16).hexdigest()


@cache
def shared_counts() -> FixedWindowRateLimiter:
    """Return the counts of all processes, kept for the life of this one."""
    return FixedWindowRateLimiter(_storage())


@cache
def _own_counts() -> FixedWindowRateLimiter:
    return FixedWindowRateLimiter(MemoryStorage())


def _storage() -> Storage:
    if not settings.CACHE_URL:
        return MemoryStorage()
    # The library gives the scheme of a Unix socket another name than the client does.
    url = settings.CACHE_URL.replace("unix://", "redis+unix://", 1)
    return RedisStorage(url, key_prefix="throttle", socket_timeout=1, socket_connect_timeout=1)
