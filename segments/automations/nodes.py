"""The typed form of an automation: what starts it, and its steps as a graph without circles.

Invariant: nodes are frozen and have no methods. A step's `id` is its path in the definition, and
every id that a step names is one of the program's, or empty, which is the end.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from segments.language.nodes import Node, Path, Where


class EntryReason(StrEnum):
    """Why somebody entered or left a segment, as far as automations are concerned."""

    CHANGE = "change"
    TIME = "time"
    MERGE = "merge"
    IMPORT = "import"


class Outcome(StrEnum):
    """What was decided at a step; the words are those of `AutomationDecision`."""

    PASSED = "passed"
    FAILED = "failed"
    BRANCH = "branch"
    ACTED = "acted"
    FORBIDDEN = "forbidden"
    CAPPED = "capped"
    NO_ADDRESS = "no_address"
    NO_CODE = "no_code"
    HELD_OUT = "held_out"


@dataclass(frozen=True, slots=True)
class EventMatch:
    """The events of a name that pass a condition."""

    name: str
    where: Where | None


@dataclass(frozen=True, slots=True)
class SegmentTrigger:
    """Somebody enters a segment, or leaves it."""

    segment: str
    has_entered: bool
    reasons: frozenset[EntryReason]


@dataclass(frozen=True, slots=True)
class EventTrigger:
    """An event arrives, live."""

    event: EventMatch


@dataclass(frozen=True, slots=True)
class ListTrigger:
    """Somebody is put on a list by name."""

    list: str


@dataclass(frozen=True, slots=True)
class DateTrigger:
    """So many days after the day that a trait names, or before it; each year, or once."""

    trait: str
    days: int
    is_yearly: bool


Trigger = SegmentTrigger | EventTrigger | ListTrigger | DateTrigger


class Ask(StrEnum):
    """What a check may ask beside a condition."""

    MEMBER = "member"
    PERMITTED = "permitted"


@dataclass(frozen=True, slots=True)
class Wait:
    """Waits for a time, then until the next such hour of the person's clock, where one is named."""

    id: str
    next: str
    span: timedelta
    until: time | None


@dataclass(frozen=True, slots=True)
class WaitEvent:
    """Waits until an event comes, `same` as the starting one in a property, or time is up."""

    id: str
    event: EventMatch
    same: Path | None
    at_most: timedelta
    then: str
    otherwise: str


@dataclass(frozen=True, slots=True)
class Check:
    """Ends the run unless it holds."""

    id: str
    next: str
    test: Node | Ask


@dataclass(frozen=True, slots=True)
class Choice:
    """Goes one way or the other."""

    id: str
    test: Node
    then: str
    otherwise: str


@dataclass(frozen=True, slots=True)
class Split:
    """Goes a way by chance, the same for a person whenever they come: (percent up to, way)."""

    id: str
    salt: str
    branches: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class MailText:
    """What a mail says in one language, with fields such as `{{ first_name | there }}`."""

    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Mail:
    """Sends a mail by a template or by its own texts, in the person's language if there is one."""

    id: str
    next: str
    texts: Mapping[str, MailText]
    template: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """Tells a webhook."""

    id: str
    next: str
    webhook: UUID


@dataclass(frozen=True, slots=True)
class AddToList:
    """Puts the person on a list."""

    id: str
    next: str
    list: str


@dataclass(frozen=True, slots=True)
class TakeOffList:
    """Takes the person off a list."""

    id: str
    next: str
    list: str


@dataclass(frozen=True, slots=True)
class HandOver:
    """Hands the person to a destination."""

    id: str
    next: str
    destination: UUID


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Takes the person out of a destination, unless a segment of it has them."""

    id: str
    next: str
    destination: UUID


class OnEmpty(StrEnum):
    """What happens to a person for whom a pool has no code."""

    GO_ON = "go_on"
    END = "end"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class GiveCode:
    """Gives the person a code of a pool, the same one whenever they come."""

    id: str
    next: str
    pool: str
    on_empty: OnEmpty


@dataclass(frozen=True, slots=True)
class SetTrait:
    """States a trait of the person, as the source of automations."""

    id: str
    next: str
    key: str
    value: str | bool | Decimal


Step = (
    Wait
    | WaitEvent
    | Check
    | Choice
    | Split
    | Mail
    | Call
    | AddToList
    | GiveCode
    | SetTrait
    | TakeOffList
    | HandOver
    | TakeBack
)


@dataclass(frozen=True, slots=True)
class Cap:
    """At most so many messages of all automations in so many days."""

    most: int
    days: int


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of the person's clock in which no message leaves; they may go over midnight."""

    begins: time
    ends: time


@dataclass(frozen=True, slots=True)
class Program:
    """An automation. `again` is when it may start anew after a start; None is never.

    `hold_out` percent of people get nothing, so that their numbers can be compared.
    """

    trigger: Trigger
    first: str
    steps: Mapping[str, Step]
    again: timedelta | None
    goal: EventMatch | None
    exit: Node | None
    cap: Cap | None
    quiet: Quiet | None
    hold_out: int | None
