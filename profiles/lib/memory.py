"""Caches of what messages say of people, and how long a process remembers it.

Invariant: at the first request, task or chunk after ten minutes all of it is forgotten, so that
nobody who was erased stays in the memory of a process that works on.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from functools import _lru_cache_wrapper, lru_cache
from typing import TypeVar

REMEMBERED_SECONDS = 600
_Result = TypeVar("_Result")


class Memory:
    """Caches that are emptied together."""

    def __init__(self, *, now: float) -> None:
        self._caches: list[_lru_cache_wrapper[object]] = []
        self._emptied_at = now

    def remembered(
        self, *, maxsize: int
    ) -> Callable[[Callable[..., _Result]], _lru_cache_wrapper[_Result]]:
        """Cache a function of what messages say, as lru_cache does, and no longer than allowed."""

        def decorate(function: Callable[..., _Result]) -> _lru_cache_wrapper[_Result]:
            cache = lru_cache(maxsize=maxsize)(function)
            self._caches.append(cache)
            return cache

        return decorate

    def forget(self, *, now: float) -> None:
        """Empty the caches if ten minutes have passed; `now` is of the monotonic clock."""
        # Two threads that both empty them do no harm.
        if now - self._emptied_at >= REMEMBERED_SECONDS:
            self._emptied_at = now
            for cache in self._caches:
                cache.cache_clear()


_people = Memory(now=time.monotonic())
remembered = _people.remembered


def forget_people() -> None:
    """Empty the caches of this process if ten minutes have passed."""
    _people.forget(now=time.monotonic())


def forbid_core_dumps() -> None:
    """Let the system write no memory of this process, and of those it starts, into a file."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
