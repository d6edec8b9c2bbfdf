"""The boundaries of ranks and RFM models: putting stored ones into definitions, computing others.

Invariant: of what is live, boundaries change only together with the memberships, in a rebuild.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from segments.compiler import Context, Fragment, fill
from segments.compiler.measured import has_value, measure_columns, rfm_cell, select_measures
from segments.compiler.trees import leaves, map_leaves
from segments.definitions import sql
from segments.definitions.references import referenced_segments, with_references
from segments.language.measures import CELLS, SCORES
from segments.language.nodes import Boundaries, Group, Node, RankLeaf, RfmLeaf, RfmModel
from segments.language.operands import read_property_key
from segments.language.windows import read_window
from segments.models import FamilyVersion, SegmentFamily

# What is stored of a rank, as JSON.
RankBoundary = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RfmMeasure:
    """The boundaries of an RFM model at a time.

    `people` have a score; `figures` has by group how many are in it and what they spent.
    """

    boundaries: Boundaries
    people: int
    figures: Mapping[str, Mapping[str, Any]]


def rank_leaves(node: Node) -> list[RankLeaf]:
    """Return the ranks of a definition in their order."""
    return [leaf for leaf in leaves(node) if isinstance(leaf, RankLeaf)]


def rfm_keys(node: Node) -> set[str]:
    """Return the keys of the RFM models that a definition reads."""
    return {leaf.key for leaf in leaves(node) if isinstance(leaf, RfmLeaf)}


def with_boundaries(
    node: Node, stored: Sequence[RankBoundary], models: Mapping[str, RfmModel]
) -> Node:
    """Return a definition with the stored boundaries of its ranks, and with its models."""
    values = iter(stored)

    def change(leaf: Any) -> Any:
        match leaf:
            case RankLeaf():
                row = next(values, None)
                # A whole number is read as an integer.
                value = None if row is None or row["boundary"] is None else Decimal(row["boundary"])
                return replace(leaf, boundary=value)
            case RfmLeaf(key):
                return replace(leaf, model=models.get(key))
            case _:
                return leaf

    return map_leaves(node, change)


def settle(node: Node, context: Context, *, is_afresh: bool) -> tuple[Node, Context]:
    """Return a definition and a context in which every rank has its boundary.

    Missing ones are those of the context's time, with `is_afresh` all are.
    """

    def change(leaf: Any) -> Any:
        if isinstance(leaf, RankLeaf) and (is_afresh or leaf.boundary is None):
            return replace(leaf, boundary=measure_rank(leaf, context)["boundary"])
        return leaf

    needed = with_references(referenced_segments(node), context.segments)
    segments: dict[str, Node] = {
        key: map_leaves(other, change) if key in needed else other
        for key, other in context.segments.items()
    }
    return map_leaves(node, change), replace(context, segments=segments)


def read_models(at: datetime | None = None) -> dict[str, RfmModel]:
    """Return the RFM models by key, with their live boundaries, or those of a past time.

    Before the first ones a model has none, and nobody is in its groups.
    """
    families = SegmentFamily.objects.filter(kind=SegmentFamily.Kind.RFM)
    return {
        family.key: model_of(family, family.live_version if at is None else _version_at(family, at))
        for family in families.select_related("live_version")
    }


def _version_at(family: SegmentFamily, at: datetime) -> FamilyVersion | None:
    return family.versions.filter(computed_at__lte=at).order_by("-number").first()


def model_of(family: SegmentFamily, version: FamilyVersion | None) -> RfmModel:
    """Return the model of a family with the boundaries of a version."""
    return RfmModel(
        name=family.event,
        value=read_property_key(family.value, "value") if family.value else None,
        window=None if family.window is None else read_window(family.window, "window"),
        boundaries=None if version is None else boundaries_from(version.boundaries),
    )


def boundaries_from(stored: Mapping[str, Sequence[Any]]) -> Boundaries:
    """Return boundaries that were stored as JSON."""
    return Boundaries(
        tuple(datetime.fromisoformat(text) for text in stored["recency"]),
        tuple(Decimal(number) for number in stored["frequency"]),
        tuple(Decimal(number) for number in stored["monetary"]),
    )


def as_json(boundaries: Boundaries) -> dict[str, list[Any]]:
    """Return boundaries as JSON can store them."""
    return {
        "recency": [instant.isoformat() for instant in boundaries.recency],
        "frequency": list(boundaries.frequency),
        "monetary": list(boundaries.monetary),
    }


def measure_rank(leaf: RankLeaf, context: Context) -> RankBoundary:
    """Return the boundary of a rank at the context's time, as it is stored.

    It is the k-th largest quantity of the unrestricted people who have one, k being `top` percent
    of them rounded up, and missing where nobody has one. Equal quantities are never parted, so that
    `holding` may be more than k.
    """
    row: tuple[int, Decimal | None, int] = (0, None, 0)
    select = select_measures(leaf, context)
    if select is not None:
        columns = measure_columns(leaf)
        statement = fill(
            sql.MEASURE_RANK,
            value=columns[0],
            select=select,
            has_value=has_value(leaf, columns),
            top=leaf.top,
        )
        row = _fetch_row(statement)
    people, boundary, holding = row
    return {
        "top": leaf.top,
        "boundary": boundary,
        "people": people,
        "holding": holding,
        "computed_at": context.now.isoformat(),
    }


def count_above(leaf: RankLeaf, context: Context) -> tuple[int, int]:
    """Return how many people have the quantity of a rank, and how many its boundary or more."""
    select = select_measures(leaf, context)
    if select is None:
        return 0, 0
    columns = measure_columns(leaf)
    statement = fill(
        sql.COUNT_ABOVE,
        value=columns[0],
        boundary=leaf.boundary,
        select=select,
        has_value=has_value(leaf, columns),
    )
    people, holding = _fetch_row(statement)
    return people, holding


def measure_rfm(model: RfmModel, context: Context) -> RfmMeasure:
    """Return the boundaries of a model at the context's time, and who is in which group by them.

    The boundary of score k is the least value v with 5 × people below v ≥ (k − 1) × people.
    """
    leaf = RfmLeaf("", tuple(Group), replace(model, boundaries=Boundaries()))
    select = select_measures(leaf, context)
    if select is None:
        return RfmMeasure(Boundaries(), 0, _figures([]))
    columns = measure_columns(leaf)
    parts: dict[str, Any] = {
        "select": select,
        "last_at": columns[0],
        "count": columns[1],
        "money": columns[2],
        "has_events": has_value(leaf, columns),
    }
    people, *values = _fetch_row(fill(sql.MEASURE_RFM, **parts))
    recency, frequency, monetary = (
        tuple(value for value in row if value is not None) for row in values
    )
    boundaries = Boundaries(recency, frequency, monetary)
    cell = rfm_cell(boundaries, columns)
    with connection.cursor() as cursor:
        statement = fill(sql.COUNT_CELLS, cell=cell, **parts)
        cursor.execute(statement.text, statement.params)
        return RfmMeasure(boundaries, people, _figures(cursor.fetchall()))


def _figures(cells: Sequence[tuple[int, int, Decimal]]) -> dict[str, dict[str, Any]]:
    """Return by group how many people are in its cells, and what they spent."""
    figures: dict[str, dict[str, Any]] = {
        str(group): {"people": 0, "value": Decimal(0)} for group in Group
    }
    group_by_cell = {10 * r + fm: CELLS[r][fm - 1] for r in SCORES for fm in SCORES}
    for cell, people, money in cells:
        row = figures[group_by_cell[cell]]
        row["people"] += people
        row["value"] += money
    return figures


def _fetch_row(statement: Fragment) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
        return cursor.fetchone()
