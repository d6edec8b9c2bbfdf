"""The nodes of a segment's definition.

Invariant: a node is frozen, has no methods, and exists only if what it says is allowed; `segments.language.parser` is the one place
that makes them from JSON. `not_x` operators are `x` with `is_negated`, since they mean exactly NOT x.
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
    """So many of one unit; months and years are of the local calendar, the others are plain seconds."""

    unit: Unit
    count: int


@dataclass(frozen=True, slots=True)
class IsoText:
    """A date, or a date and time, as it was written in ISO 8601."""

    text: str


@dataclass(frozen=True, slots=True)
class OtherTrait:
    """An operand that is read from another trait of the same profile."""

    key: Path


# What is asked of one value.


@dataclass(frozen=True, slots=True)
class Exists:
    """There is a value, and it is not null."""


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
    """`pattern` is in the canonical spelling of `segments.language.patterns`."""

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
    """Whole years, both ends in."""

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

# Groups, of whatever leaves.

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
    count: int
    children: "tuple[Tree[Leaf], ...]"


Tree: TypeAlias = And[Leaf] | Or[Leaf] | Not[Leaf] | AtLeast[Leaf] | Leaf

# What is asked of one event.


class Root(StrEnum):
    PROPERTIES = "properties"
    CONTEXT = "context"


@dataclass(frozen=True, slots=True)
class FieldLeaf:
    """A property or a part of the context of one event."""

    root: Root
    key: Path
    test: Test
    is_negated: bool = False


Where: TypeAlias = Tree[FieldLeaf]

# What is asked of one profile.


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
    """An event is in it while `timestamp ≤ now < timestamp + duration`."""

    duration: Duration


@dataclass(frozen=True, slots=True)
class Range:
    """Half open; an absent end is open."""

    start: IsoText | None
    end: IsoText | None


@dataclass(frozen=True, slots=True)
class EventLeaf:
    """A test of what all matching events of a profile come to. `name` "*" is any; `kind` None is any."""

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
    key: Path
    test: Test
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class SegmentLeaf:
    key: str


@dataclass(frozen=True, slots=True)
class ConsentLeaf:
    purpose: str
    is_permitted: bool = True


@dataclass(frozen=True, slots=True)
class EveryoneLeaf:
    """Each profile, anonymous ones too."""


PersonLeaf = TraitLeaf | EventLeaf | SegmentLeaf | ConsentLeaf | EveryoneLeaf
Node: TypeAlias = Tree[PersonLeaf]
