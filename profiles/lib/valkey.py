"""The Valkey client for what may be lost: nudges and rate counters."""

from functools import cache

from django.conf import settings
from redis import Redis

# Short, so that a dead cache delays a request by a second and does not hang it.
CONNECTION = {"socket_timeout": 1, "socket_connect_timeout": 1}


@cache
def valkey() -> Redis | None:
    """Return the client, or None where no cache is configured."""
    # Kept for the life of the process: Django's cache makes a new client for every call.
    return Redis.from_url(settings.CACHE_URL, **CONNECTION) if settings.CACHE_URL else None
