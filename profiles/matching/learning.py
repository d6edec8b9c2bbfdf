"""How often values of one person differ, learnt from pairs of whom nobody knows who is who.

Invariant: pure. Expectation maximisation for the model of Fellegi and Sunter (Winkler 1988), with
`u`, the odds among different people, given. A few imagined pairs are counted along, so that what
never differed in a small store still may.
"""

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

MISSING = -1  # the level of a field that one of the two lacks
_IMAGINED_PAIRS = 5.0
_SAME_OF_ONE_PERSON = 0.85
_MOST_ROUNDS = 100
_CONVERGED = 1e-4


class Pattern(NamedTuple):
    """At which level each field of a pair agrees, and how many pairs are so."""

    levels: tuple[int, ...]
    pairs: int


Chances = Sequence[Sequence[float]]


def learn_m(patterns: Sequence[Pattern], u: Chances) -> list[list[float]]:
    """Return, for each field and level, how often two values of one person agree so.

    `u` is the same for two people drawn at random; the first level is the nearest.
    """
    imagined = [_imagined(len(levels)) for levels in u]
    m = imagined
    share = 0.5
    for _ in range(_MOST_ROUNDS):
        chances = [_chance(pattern.levels, m, u, share) for pattern in patterns]
        former = m
        m = [_of_field(place, patterns, chances, imagined[place]) for place in range(len(imagined))]
        total = sum(pattern.pairs for pattern in patterns) or 1
        expected = sum(c * each.pairs for c, each in zip(chances, patterns, strict=True))
        share = min(max(expected / total, 1e-6), 1 - 1e-6)
        if _distance(m, former) < _CONVERGED:
            break
    return m


def _imagined(levels: int) -> list[float]:
    rest = (1 - _SAME_OF_ONE_PERSON) / (levels - 1)
    return [_SAME_OF_ONE_PERSON] + [rest] * (levels - 1)


def _chance(levels: Sequence[int], m: Chances, u: Chances, share: float) -> float:
    """Return how probable it is that a pair of this pattern is one person."""
    odds = share / (1 - share)
    odds *= prod(
        m[place][level] / u[place][level] for place, level in enumerate(levels) if level != MISSING
    )
    return odds / (1 + odds)


def _of_field(
    place: int, patterns: Sequence[Pattern], chances: Sequence[float], imagined: Sequence[float]
) -> list[float]:
    counts = [_IMAGINED_PAIRS * part for part in imagined]
    for pattern, chance in zip(patterns, chances, strict=True):
        if pattern.levels[place] != MISSING:
            counts[pattern.levels[place]] += chance * pattern.pairs
    total = sum(counts)
    return [count / total for count in counts]


def _distance(some: Chances, others: Chances) -> float:
    return max(
        abs(one - other)
        for field, former in zip(some, others, strict=True)
        for one, other in zip(field, former, strict=True)
    )
