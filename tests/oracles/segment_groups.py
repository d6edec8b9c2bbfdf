"""Ranks, RFM and life-cycles, naively: of lists of values and of one person's times."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import ceil
from typing import Any

# R and FM of each group, as the page on segments says them.
GROUPS = {
    "champions": [([5], [5])],
    "loyal": [([3, 4], [4, 5]), ([5], [4])],
    "potential_loyalist": [([4, 5], [2, 3])],
    "new_customers": [([5], [1])],
    "promising": [([4], [1])],
    "need_attention": [([3], [3])],
    "about_to_sleep": [([3], [1, 2])],
    "cannot_lose": [([1], [5])],
    "at_risk": [([1], [3, 4]), ([2], [3, 4, 5])],
    "hibernating": [([2], [1, 2])],
    "lost": [([1], [1, 2])],
}


def rank_boundary(values: Sequence[Any], top: Any) -> Any:
    """The k-th largest value, k being `top` percent of them rounded up; None of none."""
    ordered = sorted(values, reverse=True)
    return ordered[ceil(Fraction(top) * len(ordered) / 100) - 1] if ordered else None


def fifths(values: Sequence[Any]) -> list[Any]:
    """The least value of each score from 2 to 5, None where no value has it."""
    return [
        min(
            (
                value
                for value in values
                if 5 * sum(other < value for other in values) >= (k - 1) * len(values)
            ),
            default=None,
        )
        for k in (2, 3, 4, 5)
    ]


def score(value: Any, boundaries: Sequence[Any]) -> int:
    return 1 + sum(boundary is not None and value >= boundary for boundary in boundaries)


def group_of(r: int, f: int, m: int) -> str:
    fm = ceil(Decimal(f + m) / 2)
    (name,) = (
        name
        for name, cells in GROUPS.items()
        if any(r in recencies and fm in others for recencies, others in cells)
    )
    return name


def stage_of(times: Sequence[datetime], now: datetime) -> str | None:
    """The stage by the times of a person's events until now."""
    ordered = sorted(times)
    if not ordered:
        return None
    day = timedelta(days=1)
    age = now - ordered[-1]
    for before, after in pairwise(ordered):
        if now - after < 30 * day and after - before > 180 * day:
            return "returned"
    if now - ordered[0] < 30 * day:
        return "new"
    if age < 90 * day:
        return "loyal" if len(ordered) >= 5 else "active"
    return "at_risk" if age < 180 * day else "dormant"
