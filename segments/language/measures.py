"""What the leaves about ranks, RFM and life-cycles measure of a person, and what follows from it.

RFM scores recency, frequency and money from 1 to 5 each. FM is the mean of the last two, rounded
up. Each of the 25 cells of R and FM belongs to one group.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, assert_never

from segments.language import nodes
from segments.language.nodes import (
    Aggregate,
    Boundaries,
    Duration,
    EventLeaf,
    Group,
    MeasuredLeaf,
    Stage,
    Unit,
)

SCORES = range(1, 6)
# By R, the group of each FM from 1 to 5.
CELLS: Mapping[int, Sequence[Group]] = {
    5: (
        Group.NEW_CUSTOMERS,
        Group.POTENTIAL_LOYALIST,
        Group.POTENTIAL_LOYALIST,
        Group.LOYAL,
        Group.CHAMPIONS,
    ),
    4: (
        Group.PROMISING,
        Group.POTENTIAL_LOYALIST,
        Group.POTENTIAL_LOYALIST,
        Group.LOYAL,
        Group.LOYAL,
    ),
    3: (
        Group.ABOUT_TO_SLEEP,
        Group.ABOUT_TO_SLEEP,
        Group.NEED_ATTENTION,
        Group.LOYAL,
        Group.LOYAL,
    ),
    2: (Group.HIBERNATING, Group.HIBERNATING, Group.AT_RISK, Group.AT_RISK, Group.AT_RISK),
    1: (Group.LOST, Group.LOST, Group.AT_RISK, Group.AT_RISK, Group.CANNOT_LOSE),
}
# Of a life-cycle, in days of 86,400 seconds: how long people are new and active, and after how
# long without an event they are dormant.
NEW_DAYS, ACTIVE_DAYS, DORMANT_DAYS = 30, 90, 180
RETURNED_DAYS, ABSENT_DAYS = 30, 180
LOYAL_COUNT = 5
NEW, ACTIVE, DORMANT = (Duration(Unit.DAYS, days) for days in (NEW_DAYS, ACTIVE_DAYS, DORMANT_DAYS))
LATELY = nodes.Last(Duration(Unit.DAYS, RETURNED_DAYS))
# A century is ever.
EARLIER = nodes.BetweenAgo(Duration(Unit.DAYS, 36_500), Duration(Unit.DAYS, RETURNED_DAYS))


def measures(leaf: MeasuredLeaf) -> tuple[EventLeaf, ...]:
    """Return what a leaf measures of a person, in the order in which it is tested."""
    match leaf:
        case nodes.RankLeaf(EventLeaf(aggregate=Aggregate.SUM) as quantity):
            # Without a number there is nothing that was added up.
            return (quantity, replace(quantity, aggregate=Aggregate.MAX))
        case nodes.RankLeaf(EventLeaf(aggregate=Aggregate.NET) as quantity):
            return (quantity, replace(quantity, aggregate=Aggregate.COUNT))
        case nodes.RankLeaf(quantity):
            return (quantity,)
        case nodes.RfmLeaf(_, _, model):
            return () if model is None else _rfm_measures(model)
        case nodes.LifeCycleLeaf(name, kind, _, where):
            chosen = {"kind": kind, "where": where}
            return (
                _measure(name, Aggregate.FIRST_AT, **chosen),
                _measure(name, Aggregate.LAST_AT, **chosen),
                _measure(name, Aggregate.COUNT, **chosen),
                # Whoever returned has their first event of late long after the last one before.
                _measure(name, Aggregate.FIRST_AT, window=LATELY, **chosen),
                _measure(name, Aggregate.LAST_AT, window=EARLIER, **chosen),
            )
        case _:
            assert_never(leaf)


def _rfm_measures(model: nodes.RfmModel) -> tuple[EventLeaf, ...]:
    name, window = model.name, model.window
    money = Aggregate.NET if model.value is None else Aggregate.SUM
    return (
        _measure(name, Aggregate.LAST_AT, window=window),
        _measure(name, Aggregate.COUNT, window=window),
        _measure(name, money, property=model.value, window=window),
    )


def _measure(name: str, aggregate: Aggregate, **fields: Any) -> EventLeaf:
    return EventLeaf(
        name=name,
        kind=fields.get("kind", nodes.Kind.TRACK),
        aggregate=aggregate,
        property=fields.get("property"),
        test=nodes.Exists(),
        window=fields.get("window"),
        where=fields.get("where"),
    )


def cells_of(groups: Sequence[Group]) -> list[int]:
    """Return the cells of the groups, each as 10 R + FM."""
    return [10 * r + fm for r in SCORES for fm in SCORES if CELLS[r][fm - 1] in groups]


def scores(
    boundaries: Boundaries, last_at: datetime, count: Decimal, money: Decimal
) -> tuple[int, int, int]:
    """Return R, F and M of a person: 1 and one more for each boundary that a value reaches."""
    return (
        1 + bisect_right(boundaries.recency, last_at),
        1 + bisect_right(boundaries.frequency, count),
        1 + bisect_right(boundaries.monetary, money),
    )


def group_of(r: int, f: int, m: int) -> Group:
    """Return the group of three scores."""
    return CELLS[r][(f + m + 1) // 2 - 1]


def slug(group: Group | Stage) -> str:
    """Return a group or stage as it stands at the end of a segment's key."""
    return group.replace("_", "-")
