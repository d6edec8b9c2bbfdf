"""Leaves about the events of a profile, their windows, and leaves about one event."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from segments.language.nodes.groups import Tree
from segments.language.nodes.values import (
    CalendarUnit,
    Duration,
    IsoText,
    Path,
    Previous,
    Test,
    This,
)


class Root(StrEnum):
    PROPERTIES = "properties"
    CONTEXT = "context"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class FieldLeaf:
    """A test of a property or a part of the context of an event, or of a trait of an account."""

    root: Root
    key: Path
    test: Test
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class AnyElement:
    """True where some object in the list at `key` passes `where`, whose keys are the object's."""

    key: Path
    where: "Where"


class TimePart(StrEnum):
    """A part of a local time. Hours are 0 to 23, weekdays 1 (Monday) to 7, months 1 to 12."""

    HOUR = "hour"
    WEEKDAY = "weekday"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class TimeLeaf:
    """A test of a part of an event's time, in the store's zone, or in the visitor's if known."""

    part: TimePart
    test: Test
    is_negated: bool = False
    is_visitors: bool = False


@dataclass(frozen=True, slots=True)
class AccountKeyLeaf:
    """A test of the key of an account."""

    test: Test
    is_negated: bool = False


WhereLeaf: TypeAlias = FieldLeaf | AnyElement | TimeLeaf | AccountKeyLeaf
Where: TypeAlias = Tree[WhereLeaf]


class Kind(StrEnum):
    TRACK = "track"
    PAGE = "page"
    SCREEN = "screen"


class Aggregate(StrEnum):
    COUNT = "count"
    SUM = "sum"
    NET = "net"
    AVG = "avg"
    MIN = "min"
    MAX = "max"
    DISTINCT = "distinct"
    FIRST = "first"
    LAST = "last"
    MOST_FREQUENT = "most_frequent"
    DAYS_BETWEEN = "days_between"
    FIRST_AT = "first_at"
    LAST_AT = "last_at"


@dataclass(frozen=True, slots=True)
class Last:
    """The window that ends now. An event is in it while timestamp ≤ now < timestamp + duration."""

    duration: Duration


@dataclass(frozen=True, slots=True)
class BetweenAgo:
    """An event is in this window while timestamp + newer ≤ now < timestamp + older."""

    older: Duration
    newer: Duration


@dataclass(frozen=True, slots=True)
class Range:
    """A fixed window. It includes its start and excludes its end; either may be missing."""

    start: IsoText | None
    end: IsoText | None


Window: TypeAlias = Last | BetweenAgo | This | Previous | Range


@dataclass(frozen=True, slots=True)
class EventLeaf:
    """A test of an aggregate of the profile's events that match name, kind, window and `where`.

    The name "*" and the kind None match every event. `property` is what is summed, compared or
    chosen, None for the aggregates of times, the count and the net value. The net value is the sum
    of the events' values, less those of the events that reduce them, such as refunds.
    """

    name: str
    kind: Kind | None
    aggregate: Aggregate
    property: Path | None
    test: Test
    is_negated: bool = False
    window: Window | None = None
    where: "Where | None" = None


@dataclass(frozen=True, slots=True)
class RegularLeaf:
    """True where events came in `at_least` of the last `of` complete units before this one."""

    name: str
    kind: Kind | None
    unit: CalendarUnit
    at_least: int
    of: int
    where: "Where | None" = None


class SessionMeasure(StrEnum):
    """Of a session: seconds from its first event to its last, and pages and screens in it."""

    DURATION = "duration"
    PAGES = "pages"


@dataclass(frozen=True, slots=True)
class SessionLeaf:
    """A test of an aggregate of the sessions that start in the window, first events by `where`."""

    aggregate: Aggregate
    property: SessionMeasure | None
    test: Test
    window: Window
    is_negated: bool = False
    where: "Where | None" = None


# Steps of a key in which None stands for each element of a list.
SpreadPath = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Same:
    """Some value of the event's `property` equals some value of `of_first` of the first step."""

    property: SpreadPath
    of_first: SpreadPath


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a sequence. The first step has no `within` and no `same`."""

    name: str
    kind: Kind | None
    within: Duration | None = None
    same: Same | None = None
    where: "Where | None" = None


@dataclass(frozen=True, slots=True)
class SequenceLeaf:
    """True where events follow one another, each later than the one before and within its time.

    The first is in the window. With `absent`, no such event follows the last step within its time,
    and that time is over.
    """

    steps: tuple[Step, ...]
    absent: Step | None = None
    window: Window | None = None
