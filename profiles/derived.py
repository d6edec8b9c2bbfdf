"""Recomputing what is derived from a profile's rows: golden traits and event statistics."""

from collections.abc import Iterable

from profiles.events.statistics import recompute_stats
from profiles.traits.records import recompute_golden


def derive(profile_ids: Iterable[int]) -> None:
    """Recompute the golden traits and statistics of these profiles.

    The caller holds the people lock.
    """
    ids = set(profile_ids)
    if ids:
        recompute_golden(ids)
        recompute_stats(ids)
