"""Which values members have more or less often than other people, and whether that is chance.

Pure: it counts nothing itself. Each value is a two-proportion z-test of members against all others.
Holm's method holds the chance of naming even one difference that is none at `LEVEL`, over all
values that are tested. Source: Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import erfc, sqrt

LEVEL = 0.05
# Below that many expected in any cell the normal distribution is no good approximation.
LEAST_EXPECTED = 5


@dataclass(frozen=True, slots=True)
class ValueCount:
    """How many of the counted members, and of the counted others, have a value of a trait."""

    key: str
    value: str
    members: int
    others: int


@dataclass(frozen=True, slots=True)
class Contrast:
    """A value that is significantly more or less frequent among members.

    Both shares are of 1. `chance` is how likely so large a difference is if there is none.
    """

    key: str
    value: str
    member_share: float
    other_share: float
    chance: float

    @property
    def difference(self) -> float:
        return self.member_share - self.other_share

    @property
    def times(self) -> float | None:
        """How many times as frequent it is among members, None where no other has it."""
        return self.member_share / self.other_share if self.other_share else None


def contrasts(counts: Iterable[ValueCount], *, members: int, others: int) -> list[Contrast]:
    """Return the significant values, the largest differences first.

    `members` and `others` are how many people were counted of each.
    """
    tested = [
        (chance, count)
        for count in counts
        if (chance := _chance(count, members, others)) is not None
    ]
    significant = []
    for place, (chance, count) in enumerate(sorted(tested, key=lambda pair: pair[0])):
        if chance * (len(tested) - place) > LEVEL:
            break
        significant.append(
            Contrast(count.key, count.value, count.members / members, count.others / others, chance)
        )
    return sorted(significant, key=lambda contrast: -abs(contrast.difference))


def _chance(count: ValueCount, members: int, others: int) -> float | None:
    """Return the two-sided p-value, None where too few people were counted for one."""
    people = members + others
    if not members or not others:
        return None
    share = (count.members + count.others) / people
    expected = min(members, others) * min(share, 1 - share)
    if expected < LEAST_EXPECTED:
        return None
    spread = sqrt(share * (1 - share) * (1 / members + 1 / others))
    distance = abs(count.members / members - count.others / others) / spread
    return erfc(distance / sqrt(2))
