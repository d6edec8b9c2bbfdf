"""The score of one pair of profiles."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Score:
    """How far two profiles are alike; weights are in bits (logarithms of odds to base 2)."""

    one: int
    other: int
    probability: float
    prior: float
    weights: dict[str, float]

    @property
    def pair(self) -> tuple[int, int]:
        return self.one, self.other
