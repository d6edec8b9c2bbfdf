"""The values behind the answers of leaves that compare quantities, for `why`."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, assert_never

from segments.language import nodes
from segments.language.measures import group_of, measures, scores
from segments.language.nodes import MeasuredLeaf, Node


def measured_evidence(leaf: MeasuredLeaf, quantities: Mapping[Node, str | None]) -> dict[str, Any]:
    """Return what a leaf measures, and what it is compared with; nothing where there is nothing."""
    values = [quantities.get(event) for event in measures(leaf)]
    match leaf:
        case nodes.RankLeaf(quantity, _, boundary):
            evidence = {str(quantity.aggregate): values[0], "boundary": boundary}
            return {name: value for name, value in evidence.items() if value is not None}
        case nodes.RfmLeaf(_, _, model):
            return _rfm_evidence(model, values)
        case nodes.LifeCycleLeaf():
            names = ("first_at", "last_at", "count")
            return {
                name: value for name, value in zip(names, values, strict=False) if value is not None
            }
        case _:
            assert_never(leaf)


def _rfm_evidence(model: nodes.RfmModel | None, values: list[str | None]) -> dict[str, Any]:
    if model is None or model.boundaries is None or not values or values[0] is None:
        return {}
    last_at, count, money = values[0], values[1] or "0", values[2] or "0"
    moment = datetime.fromisoformat(last_at)
    r, f, m = scores(model.boundaries, moment, Decimal(count), Decimal(money))
    return {
        "last_at": last_at,
        "count": count,
        "sum" if model.value else "net": money,
        "scores": [r, f, m],
        "group": str(group_of(r, f, m)),
    }
