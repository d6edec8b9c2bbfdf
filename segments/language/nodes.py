"""The nodes of a segment definition.

Invariant: nodes are frozen and have no methods. Only `segments.language.parser` makes them from
JSON, after checking every value. An operator `not_x` is the node of `x` with `is_negated`, since it
means exactly NOT x.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar

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


@dataclass(frozen=True, slots=True)
class IsoText:
    """A date, or a date and time, as written in ISO 8601."""

    text: str


@dataclass(frozen=True, slots=True)
class OtherTrait:
    """An operand that is the value of another trait of the same profile."""

    key: Path


# Tests of one value.


@dataclass(frozen=True, slots=True)
class Exists:
    """True where there is a value other than null."""


@dataclass(frozen=True, slots=True)
class Equals:
    value: Scalar | OtherTrait
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class OneOf:
    values: tuple[str, ...]
    ignore_case: bool = False


class TextOperator(StrEnum):
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"


@dataclass(frozen=True, slots=True)
class TextTest:
    operator: TextOperator
    value: str | OtherTrait
    ignore_case: bool = False


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
class InLast:
    duration: Duration


@dataclass(frozen=True, slots=True)
class AgeBetween:
    """The age in whole years, with both ends included."""

    low: int
    high: int


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


Test = (
    Exists
    | Equals
    | OneOf
    | TextTest
    | Matches
    | Compare
    | Between
    | Before
    | After
    | InLast
    | AgeBetween
    | Includes
    | Length
)

# Groups. Those of a definition have leaves about profiles, those of a `where` leaves about events.

Leaf = TypeVar("Leaf")


@dataclass(frozen=True, slots=True)
class And(Generic[Leaf]):
    children: "tuple[Tree[Leaf], ...]"


@dataclass(frozen=True, slots=True)
class Or(Generic[Leaf]):
    children: "tuple[Tree[Leaf], ...]"


@dataclass(frozen=True, slots=True)
class Not(Generic[Leaf]):
    child: "Tree[Leaf]"


@dataclass(frozen=True, slots=True)
class AtLeast(Generic[Leaf]):
    """True where at least `count` of the children are."""

    count: int
    children: "tuple[Tree[Leaf], ...]"


Tree: TypeAlias = And[Leaf] | Or[Leaf] | Not[Leaf] | AtLeast[Leaf] | Leaf

# Leaves about one event.


class Root(StrEnum):
    PROPERTIES = "properties"
    CONTEXT = "context"


@dataclass(frozen=True, slots=True)
class FieldLeaf:
    """A test of one property, or of one part of the context, of an event."""

    root: Root
    key: Path
    test: Test
    is_negated: bool = False


Where: TypeAlias = Tree[FieldLeaf]

# Leaves about one profile.


class Kind(StrEnum):
    TRACK = "track"
    PAGE = "page"
    SCREEN = "screen"


class Aggregate(StrEnum):
    COUNT = "count"
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    FIRST_AT = "first_at"
    LAST_AT = "last_at"


@dataclass(frozen=True, slots=True)
class Last:
    """The window that ends now. An event is in it while timestamp ≤ now < timestamp + duration."""

    duration: Duration


@dataclass(frozen=True, slots=True)
class Range:
    """A fixed window. It includes its start and excludes its end; either may be missing."""

    start: IsoText | None
    end: IsoText | None


@dataclass(frozen=True, slots=True)
class EventLeaf:
    """A test of an aggregate of the profile's events that match name, kind, window and `where`.

    The name "*" and the kind None match every event. `property` is what is summed or compared, for
    the aggregates sum, min and max.
    """

    name: str
    kind: Kind | None
    aggregate: Aggregate
    property: Path | None
    test: Test
    is_negated: bool = False
    window: Last | Range | None = None
    where: "Where | None" = None


@dataclass(frozen=True, slots=True)
class TraitLeaf:
    """A test of one trait of the profile."""

    key: Path
    test: Test
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class SegmentLeaf:
    """True for members of another segment."""

    key: str


@dataclass(frozen=True, slots=True)
class ConsentLeaf:
    """Compares whether the purpose is permitted for the profile with `is_permitted`."""

    purpose: str
    is_permitted: bool = True


@dataclass(frozen=True, slots=True)
class EveryoneLeaf:
    """True for every profile, including anonymous ones."""


PersonLeaf = TraitLeaf | EventLeaf | SegmentLeaf | ConsentLeaf | EveryoneLeaf
Node: TypeAlias = Tree[PersonLeaf]
