"""What is derived of people and made again where its sources moved: golden traits and statistics."""

from collections.abc import Iterable

from profiles.events.statistics import recompute_stats
from profiles.traits.records import recompute_golden


def derive(profile_ids: Iterable[int]) -> None:
    """Fold the golden traits and count the statistics of these profiles again. The caller holds the people lock."""
    ids = set(profile_ids)
    if ids:
        recompute_golden(ids)
        recompute_stats(ids)
