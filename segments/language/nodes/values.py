"""What a definition compares one value with: durations, calendar units and tests."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

Path = tuple[str, ...]
Scalar = str | Decimal | bool


class Unit(StrEnum):
    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"
    YEARS = "years"


@dataclass(frozen=True, slots=True)
class Duration:
    """A number of one unit. Months and years follow the local calendar; others are fixed."""

    unit: Unit
    count: int


class CalendarUnit(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class IsoText:
    """A date, or a date and time, as written in ISO 8601."""

    text: str


@dataclass(frozen=True, slots=True)
class OtherTrait:
    """An operand that is the value of another trait of the same profile."""

    key: Path


@dataclass(frozen=True, slots=True)
class Folding:
    """Which differences between two texts do not count."""

    ignore_case: bool = False
    ignore_accents: bool = False


EXACT = Folding()

# Tests of one value.


@dataclass(frozen=True, slots=True)
class Exists:
    """True where there is a value other than null."""


@dataclass(frozen=True, slots=True)
class Equals:
    value: Scalar | OtherTrait
    folding: Folding = EXACT


@dataclass(frozen=True, slots=True)
class OneOf:
    values: tuple[str | Decimal, ...]
    folding: Folding = EXACT


class TextOperator(StrEnum):
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"


@dataclass(frozen=True, slots=True)
class TextTest:
    operator: TextOperator
    value: str | OtherTrait
    folding: Folding = EXACT


@dataclass(frozen=True, slots=True)
class Matches:
    """A search for `pattern`, in the canonical spelling of `segments.language.patterns`."""

    pattern: str
    ignore_case: bool = False


class Comparison(StrEnum):
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"


@dataclass(frozen=True, slots=True)
class Compare:
    operator: Comparison
    value: Decimal | OtherTrait


@dataclass(frozen=True, slots=True)
class Between:
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class Before:
    value: IsoText | OtherTrait


@dataclass(frozen=True, slots=True)
class After:
    value: IsoText | OtherTrait


@dataclass(frozen=True, slots=True)
class On:
    value: IsoText | OtherTrait


@dataclass(frozen=True, slots=True)
class DateBetween:
    """Both ends are included, and days are whole."""

    low: IsoText
    high: IsoText


@dataclass(frozen=True, slots=True)
class InLast:
    duration: Duration


@dataclass(frozen=True, slots=True)
class InNext:
    duration: Duration


@dataclass(frozen=True, slots=True)
class MoreThanAgo:
    duration: Duration


@dataclass(frozen=True, slots=True)
class This:
    """The calendar period that is now."""

    unit: CalendarUnit


@dataclass(frozen=True, slots=True)
class Previous:
    """The calendar period before the one that is now."""

    unit: CalendarUnit


@dataclass(frozen=True, slots=True)
class AnniversaryInNext:
    """Some anniversary of the date, from the first year on, comes within the duration."""

    duration: Duration


@dataclass(frozen=True, slots=True)
class AgeBetween:
    """The age in whole years, with both ends included; without `high` any greater age."""

    low: int
    high: int | None


class Quantifier(StrEnum):
    ANY = "any"
    ALL = "all"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Includes:
    quantifier: Quantifier
    values: tuple[Scalar, ...]


class LengthOperator(StrEnum):
    LENGTH_GTE = "length_gte"
    LENGTH_LTE = "length_lte"
    LENGTH_EQUALS = "length_equals"


@dataclass(frozen=True, slots=True)
class Length:
    operator: LengthOperator
    count: int


# Those whose answer changes as the clock moves.
TimedTest = InLast | InNext | MoreThanAgo | This | Previous | AnniversaryInNext | AgeBetween
DateTest = Before | After | On | DateBetween | TimedTest
Test = (
    Exists | Equals | OneOf | TextTest | Matches | Compare | Between | DateTest | Includes | Length
)
