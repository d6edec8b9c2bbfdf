"""The shared memory of all processes, for what may be lost: nudges and rates."""

from functools import cache

from django.conf import settings
from redis import Redis

CONNECTION = {"socket_timeout": 1, "socket_connect_timeout": 1}


@cache
def valkey() -> Redis | None:
    """One client for the life of the process: Django's cache would make a new one for every call. None where none is configured."""
    return Redis.from_url(settings.CACHE_URL, **CONNECTION) if settings.CACHE_URL else None
