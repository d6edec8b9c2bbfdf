"""How values are spread: bins of numbers, the most frequent texts.

Pure: it reads no database.
"""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

MOST_BARS = 10


class SpreadBar(NamedTuple):
    """How many people have one value, or one from `label` on."""

    label: str
    people: int


def spread_of(values: Sequence[object], *, shared_by: int) -> list[SpreadBar]:
    """Return at most `MOST_BARS` bars; values that fewer than `shared_by` share are left out.

    Numbers that differ much are put into bins of equal width, unless they are few whole ones.
    """
    numbers = [Decimal(str(value)) for value in values if _is_number(value)]
    if numbers and len(numbers) * 2 > len(values):
        bars = _bins(numbers)
    else:
        texts = Counter(text for value in values for text in _texts(value))
        bars = [SpreadBar(text, count) for text, count in texts.most_common(MOST_BARS)]
    return [bar for bar in bars if bar.people >= shared_by]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _texts(value: object) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [str(item) for item in items if isinstance(item, str | bool)]


def _bins(numbers: Sequence[Decimal]) -> list[SpreadBar]:
    different = Counter(numbers)
    if len(different) <= MOST_BARS:
        return [SpreadBar(f"{value:f}", different[value]) for value in sorted(different)]
    low, high = min(numbers), max(numbers)
    width = (high - low) / MOST_BARS
    places = Counter(min(int((number - low) / width), MOST_BARS - 1) for number in numbers)
    return [SpreadBar(f"≥ {low + width * place:,.6g}", places[place]) for place in range(MOST_BARS)]
