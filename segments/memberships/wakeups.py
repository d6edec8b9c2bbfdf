"""Writing down when a date in the data of a person next changes a membership.

Such dates have no index, so nobody looks for them at every tick. Invariant: whoever is evaluated,
in a batch or in a rebuild, has a wake-up for their next date.
"""

from collections.abc import Iterable

from django.db import connection

from segments.compiler import Period, expanded_leaves, fill, join_fragments, select_dates
from segments.language.nodes import Node, PersonLeaf, SegmentLeaf
from segments.memberships import sql


def wake_for_dates(trees: Iterable[Node], period: Period) -> None:
    """Queue each profile of the period for the first date in it that may change a tree."""
    _wake(_leaves(trees, period), period)


def wake_for_entries(trees: Iterable[Node], period: Period) -> None:
    """Queue the members of segments that a tree asks for recent ones of."""
    leaves = _leaves(trees, period)
    _wake([leaf for leaf in leaves if isinstance(leaf, SegmentLeaf)], period)


def _leaves(trees: Iterable[Node], period: Period) -> list[PersonLeaf]:
    return [leaf for tree in trees for leaf in expanded_leaves(tree, period.context)]


def _wake(leaves: Iterable[PersonLeaf], period: Period) -> None:
    if not (selects := select_dates(leaves, period)):
        return
    known = sql.KNOWN_OF_ALL if period.ids is None else sql.KNOWN_OF_BATCH
    statement = fill(
        sql.WAKE_NEXT,
        selects=join_fragments(" UNION ALL ", selects),
        is_known=fill(known, since=period.since, ids=list(period.ids or ())),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
