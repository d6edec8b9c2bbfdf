"""Writing down when a date in the data of a person next changes a membership.

Such dates have no index, so nobody looks for them at every tick. Invariant: whoever is evaluated,
in a batch or in a rebuild, has a wake-up for their next date.
"""

from collections.abc import Iterable, Sequence

from django.db import connection

from segments.compiler import Fragment, Period, expanded_leaves, fill, join_fragments, select_dates
from segments.language.nodes import Node, PersonLeaf, SegmentLeaf
from segments.memberships import sql


def wake_for_dates(trees: Iterable[Node], period: Period) -> None:
    """Queue each profile of the period for the first date in it that may change a tree."""
    _wake(select_dates(_leaves(trees, period), period))


def wake_for_entries(trees: Iterable[Node], period: Period) -> None:
    """Queue the members of segments that a tree asks for recent ones of."""
    entries = [leaf for leaf in _leaves(trees, period) if isinstance(leaf, SegmentLeaf)]
    _wake(select_dates(entries, period))


def _leaves(trees: Iterable[Node], period: Period) -> list[PersonLeaf]:
    return [leaf for tree in trees for leaf in expanded_leaves(tree, period.context)]


def _wake(selects: Sequence[Fragment]) -> None:
    if selects:
        statement = fill(sql.WAKE_NEXT, selects=join_fragments(" UNION ALL ", selects))
        with connection.cursor() as cursor:
            cursor.execute(statement.text, statement.params)
