"""What the naive evaluation of segments is about: people with their events, and the world."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo


@dataclass
class NaiveEvent:
    name: str
    timestamp: datetime
    kind: str = "track"
    properties: dict[str, Any] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)
    # Of events of one time, the one that arrived later is later.
    arrival: int = 0
    source: str = "shop"


@dataclass
class NaiveAccount:
    """An account that a person is in; whether a server knows it, and says that they are in it."""

    key: str
    traits: dict[str, Any] = field(default_factory=dict)
    is_vouched: bool = True
    is_member_vouched: bool = True


@dataclass
class NaivePerson:
    """A person. `consents` maps purposes to when the consent ends, None for never.

    A purpose that is not in it is not permitted.
    """

    traits: dict[str, Any] = field(default_factory=dict)
    events: list[NaiveEvent] = field(default_factory=list)
    consents: dict[str, datetime | None] = field(default_factory=dict)
    is_restricted: bool = False
    identifiers: dict[str, list[str]] = field(default_factory=dict)
    # When each source stated each trait, which are called t0, t1 and so on.
    records: dict[str, list[datetime]] = field(default_factory=dict)
    # When the person entered each segment whose stored member they are.
    entered: dict[str, datetime] = field(default_factory=dict)
    lists: set[str] = field(default_factory=set)
    accounts: list[NaiveAccount] = field(default_factory=list)
    # Of each segment: whether the person is kept in it, from when to when. None is without an end.
    overrides: dict[str, tuple[bool, datetime, datetime | None]] = field(default_factory=dict)
    # Set when the person is stored.
    uuid: UUID | None = None


@dataclass
class NaiveWorld:
    """The clock, the zone, the other segments' definitions by key, and everybody.

    `models` has the event, the value and the window of each RFM model by key. With `boundaries`
    they are those, else those of now.
    """

    now: datetime
    zone: ZoneInfo
    segments: dict[str, dict[str, Any]] = field(default_factory=dict)
    people: list[NaivePerson] = field(default_factory=list)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    # The boundaries that were computed, which are the same for everybody.
    known: dict[str, Any] = field(default_factory=dict)
    # The name of the events that events of each name reduce, such as refunds.
    reducing: dict[str, str] = field(default_factory=dict)
    # The minutes that end a session of each source that makes any.
    gaps: dict[str, int] = field(default_factory=dict)
    # Whose data each source sends, and each trait is that says it of its own: "zero" or the like.
    parties: dict[str, str] = field(default_factory=dict)
    trait_parties: dict[str, str] = field(default_factory=dict)
    # The keys of segments of which a person is in one, the first before all others.
    groups: list[list[str]] = field(default_factory=list)
