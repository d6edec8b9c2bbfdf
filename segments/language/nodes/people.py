"""Leaves about one profile, and the whole definition."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from segments.language.nodes.events import (
    EventLeaf,
    RegularLeaf,
    SequenceLeaf,
    SessionLeaf,
    Where,
)
from segments.language.nodes.groups import Tree
from segments.language.nodes.measured import MeasuredLeaf
from segments.language.nodes.values import Duration, Path, Test


@dataclass(frozen=True, slots=True)
class TraitLeaf:
    """A test of one trait of the profile."""

    key: Path
    test: Test
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class SegmentLeaf:
    """True for members of another segment, with a duration for those who entered since then."""

    key: str
    entered_within: Duration | None = None


@dataclass(frozen=True, slots=True)
class ConsentLeaf:
    """Compares whether the purpose is permitted for the profile with `is_permitted`."""

    purpose: str
    is_permitted: bool = True


@dataclass(frozen=True, slots=True)
class EveryoneLeaf:
    """True for every profile, including anonymous ones."""


@dataclass(frozen=True, slots=True)
class IdentifierLeaf:
    """A test of the profile's identifiers of a namespace, passed where one of them passes."""

    namespace: str
    test: Test
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class SourceLeaf:
    """True where the source sent an event or a trait of the profile, lately with a duration."""

    key: str
    seen_within: Duration | None = None


class Party(StrEnum):
    """Whose data a statement of a trait is."""

    FIRST = "first"
    ZERO = "zero"
    THIRD = "third"


@dataclass(frozen=True, slots=True)
class StatedLeaf:
    """True where data of a party state a trait of the profile, of any without a key.

    With a duration lately. A value that was taken back is none.
    """

    party: Party
    key: str | None = None
    stated_within: Duration | None = None


@dataclass(frozen=True, slots=True)
class ListLeaf:
    """True for the people on a list."""

    key: str


@dataclass(frozen=True, slots=True)
class OverrideLeaf:
    """True while staff keep the profile in the segment with this id, or out of it.

    No definition has it: it is put around those of segments.
    """

    segment_id: int
    is_included: bool


@dataclass(frozen=True, slots=True)
class BucketLeaf:
    """True where the profile's place on the circle of the salt, in percent, is in [low, high)."""

    salt: str
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class GeoLeaf:
    """True where the trait is a point of at most so many kilometres from another, in degrees."""

    key: Path
    within_km: Decimal
    lat: Decimal
    lon: Decimal


class Match(StrEnum):
    """How many of a person's accounts must fit: some; all, of one or more; or none."""

    ANY = "any"
    ALL = "all"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class AccountLeaf:
    """Asks about the accounts of the profile. An account fits that passes `where`, if there is one.

    Members by claim do not count where the account is vouched.
    """

    match: Match
    where: Where | None = None


HistoryLeaf = EventLeaf | RegularLeaf | SequenceLeaf | SessionLeaf
PersonLeaf = (
    TraitLeaf
    | HistoryLeaf
    | MeasuredLeaf
    | SegmentLeaf
    | ConsentLeaf
    | IdentifierLeaf
    | SourceLeaf
    | StatedLeaf
    | ListLeaf
    | OverrideLeaf
    | BucketLeaf
    | GeoLeaf
    | AccountLeaf
    | EveryoneLeaf
)
Node: TypeAlias = Tree[PersonLeaf]
