"""Measures, their floors, and the table they are printed as."""

import json
import statistics
from dataclasses import dataclass, field


@dataclass(slots=True)
class Measure:
    """One row: rates or times of the thing and of its floor, taken in turn in the same run.

    `ratio` is thing per floor for rates (larger is better) and for times (smaller is better); `mark` is the first to reach; a row
    without one only tells.
    """

    name: str
    floor: str
    unit: str
    mark: float | None
    is_larger_better: bool = True
    things: list[float] = field(default_factory=list)
    floors: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Of the medians, which a noisy round does not move."""
        return statistics.median(self.things) / statistics.median(self.floors)

    @property
    def is_reached(self) -> bool:
        if self.mark is None:
            return True
        return self.ratio >= self.mark if self.is_larger_better else self.ratio <= self.mark

    @property
    def verdict(self) -> str:
        if self.mark is None:
            return ""
        return "reached" if self.is_reached else "MISSED"


def print_table(measures: list[Measure]) -> None:
    row = "{:<34} {:>14} {:>14} {:>8} {:>9}  {}"
    print(row.format("what", "measured", "floor", "ratio", "mark", ""))
    for measure in measures:
        sign = "≥" if measure.is_larger_better else "≤"
        print(
            row.format(
                measure.name,
                f"{statistics.median(measure.things):,.4g} {measure.unit}",
                f"{statistics.median(measure.floors):,.4g} {measure.unit}",
                f"{measure.ratio:.3f}",
                "" if measure.mark is None else f"{sign} {measure.mark:g}",
                measure.verdict,
            )
        )
        print(f"    floor: {measure.floor}")


def print_json(measures: list[Measure]) -> None:
    print(
        json.dumps(
            [
                {
                    "name": measure.name,
                    "floor": measure.floor,
                    "unit": measure.unit,
                    "ratio": round(measure.ratio, 4),
                    "mark": measure.mark,
                    "reached": measure.is_reached,
                    "things": measure.things,
                    "floors": measure.floors,
                }
                for measure in measures
            ]
        )
    )
