"""Leaves that compare quantities of a person with those of everybody, or with one another.

The boundaries of a rank and of an RFM model are stored, and part of the node: the parser leaves
them out, and whoever evaluates puts those in that are stored, or that hold at another time.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from segments.language.nodes.events import EventLeaf, Kind, Where, Window
from segments.language.nodes.values import Path


@dataclass(frozen=True, slots=True)
class RankLeaf:
    """True where the quantity is at least the boundary that cuts the `top` percent off.

    The leaf `quantity` has the test `Exists`. Without a boundary nobody is in.
    """

    quantity: EventLeaf
    top: Decimal
    boundary: Decimal | None = None


class Group(StrEnum):
    """The groups of RFM, from the best to the worst."""

    CHAMPIONS = "champions"
    LOYAL = "loyal"
    POTENTIAL_LOYALIST = "potential_loyalist"
    NEW_CUSTOMERS = "new_customers"
    PROMISING = "promising"
    NEED_ATTENTION = "need_attention"
    ABOUT_TO_SLEEP = "about_to_sleep"
    CANNOT_LOSE = "cannot_lose"
    AT_RISK = "at_risk"
    HIBERNATING = "hibernating"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Boundaries:
    """The least values of the scores 2 to 5. The highest ones are missing where nobody has them."""

    recency: tuple[datetime, ...] = ()
    frequency: tuple[Decimal, ...] = ()
    monetary: tuple[Decimal, ...] = ()


@dataclass(frozen=True, slots=True)
class RfmModel:
    """What an RFM model scores: the events of a name in a window, and a property of them.

    Without a property it scores their net value.
    """

    name: str
    value: Path | None
    window: Window | None
    boundaries: Boundaries | None


@dataclass(frozen=True, slots=True)
class RfmLeaf:
    """True where a person is in one of the groups of a model. Without a model nobody is."""

    key: str
    groups: tuple[Group, ...]
    model: RfmModel | None = None


class Stage(StrEnum):
    """The stages of a life-cycle. A person is in the first of these that holds."""

    RETURNED = "returned"
    NEW = "new"
    LOYAL = "loyal"
    ACTIVE = "active"
    AT_RISK = "at_risk"
    DORMANT = "dormant"


@dataclass(frozen=True, slots=True)
class LifeCycleLeaf:
    """True where a person is in one of the stages, by their events of this name and kind."""

    name: str
    kind: Kind | None
    stages: tuple[Stage, ...]
    where: "Where | None" = None


MeasuredLeaf = RankLeaf | RfmLeaf | LifeCycleLeaf
