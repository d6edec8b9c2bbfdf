"""Measures with their floors, and the table in which they are printed."""

import json
import re
import statistics
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

PERFORMANCE = Path(__file__).parent.parent / "docs" / "performance.md"


@dataclass(slots=True)
class Measure:
    """One row of the table: rates or times of the product and of a floor, taken in turn in one run.

    A floor is a simpler way to a similar result, which shows what the machine can do. `mark` is the
    ratio to the floor that must be reached; a row without one only reports.
    """

    name: str
    floor: str
    unit: str
    mark: float | None
    is_larger_better: bool = True
    values: list[float] = field(default_factory=list)
    floors: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """The ratio of the medians, which one noisy round does not change."""
        return statistics.median(self.values) / statistics.median(self.floors)

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
                f"{statistics.median(measure.values):,.4g} {measure.unit}",
                f"{statistics.median(measure.floors):,.4g} {measure.unit}",
                f"{measure.ratio:.3f}",
                "" if measure.mark is None else f"{sign} {measure.mark:g}",
                measure.verdict,
            )
        )
        print(f"    floor: {measure.floor}")


def write_table(measures: list[Measure], size: str) -> None:
    """Replace the table of this size in docs/performance.md, or add it as the last one."""
    lines = [
        f"### {size}",
        "",
        f"Measured on {datetime.now(UTC).date()}.",
        "",
        "| what | measured | floor | ratio | mark |",
        "|---|---|---|---|---|",
        *map(_markdown_row, measures),
        "",
    ]
    text = PERFORMANCE.read_text()
    former = re.compile(rf"### {re.escape(size)}\n.*?(?=\n### |\Z)", re.DOTALL)
    table = "\n".join(lines)
    replaced, count = former.subn(lambda _: table, text)
    PERFORMANCE.write_text(replaced if count else f"{text.rstrip()}\n\n{table}")


def _markdown_row(measure: Measure) -> str:
    sign = "≥" if measure.is_larger_better else "≤"
    cells = (
        measure.name,
        f"{statistics.median(measure.values):,.4g} {measure.unit}",
        f"{statistics.median(measure.floors):,.4g} {measure.unit}",
        f"{measure.ratio:.3f}",
        "" if measure.mark is None else f"{sign} {measure.mark:g} {measure.verdict}",
    )
    return f"| {' | '.join(cells)} |"


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
                    "things": measure.values,
                    "floors": measure.floors,
                }
                for measure in measures
            ]
        )
    )
