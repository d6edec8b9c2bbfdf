"""Foretelling when time alone changes the membership of one profile."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import connection

from segments.compiler import (
    Context,
    Fragment,
    Period,
    compile_scoped,
    expanded_leaves,
    fill,
    join_fragments,
    select_coming,
    select_dates,
    select_due,
)
from segments.definitions import sql
from segments.language.nodes import Node
from segments.lib.moments import LATEST

# After this many instants at which the answer does not change, the next one is returned untested.
MAX_TRIES = 100


def next_flip(root: Node, profile_id: int, context: Context, *, is_member: bool) -> datetime | None:
    """Return the first instant after now at which membership changes if nothing but time passes.

    Returns None if there is none.
    """
    instant = context.now
    for _ in range(MAX_TRIES):
        edge = _next_edge(root, profile_id, instant, context)
        # A leaf may change without changing the answer, so the definition is evaluated again.
        if edge is None or _matches(root, profile_id, edge, context) != is_member:
            return edge
        instant = edge
    return instant


def _next_edge(root: Node, profile_id: int, since: datetime, context: Context) -> datetime | None:
    leaves = list(expanded_leaves(root, context))
    period = Period(since, replace(context, now=LATEST), [profile_id])
    selects = [
        *select_due(leaves, period),
        *select_dates(leaves, period),
        *select_coming(leaves, period),
    ]
    if not selects:
        return None
    statement = fill(sql.NEXT_EDGE, selects=join_fragments(" UNION ALL ", selects))
    edge: datetime | None = _fetch_value(statement)
    return edge


def _matches(root: Node, profile_id: int, at: datetime, context: Context) -> bool:
    scoped = compile_scoped([root], [profile_id], replace(context, now=at, is_present=False))
    statement = fill(
        sql.IS_MATCHING, condition=scoped.conditions[0], joins=scoped.joins, id=profile_id
    )
    return bool(_fetch_value(statement))


def _fetch_value(statement: Fragment) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
        return cursor.fetchone()[0]
