"""What a definition would hold, before it is saved: the exact size, or an estimate that says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from typing import Any
from uuid import UUID

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from profiles.lib.database import database_now
from segments.compiler import Context, Fragment, compile_everyone, compile_scoped, fill
from segments.definitions import sql as definitions_sql
from segments.definitions.live import context_of, read_live
from segments.definitions.save import check_definition
from segments.language.nodes import Node
from segments.memberships import sql as memberships_sql

EXACT_SECONDS = 1
SAMPLE_SIZE = 10
ESTIMATE_PROFILES = 10_000
# The standard normal quantile of a 95 % interval.
Z = 1.959964
TIMEOUT = "SELECT set_config('statement_timeout', %s, true)"


@dataclass(frozen=True, slots=True)
class Preview:
    """`interval` is the 95 % interval of an estimate; an exact size has none."""

    size: int
    sample: tuple[UUID, ...]
    interval: tuple[int, int] | None = None

    @property
    def is_exact(self) -> bool:
        return self.interval is None


def preview(
    definition: Mapping[str, Any],
    *,
    at: datetime | None = None,
    key: str = "",
    exact_seconds: float = EXACT_SECONDS,
) -> Preview:
    """Who is in at this instant: everybody counted, or where that takes too long, a random part of them.

    `key` is that of the segment whose next definition this is. Raises DefinitionError.
    """
    node = check_definition(definition, key=key)
    now = database_now()
    context = context_of(read_live().nodes, now=at or now, is_present=at is None or at >= now)
    try:
        return _count(node, context, exact_seconds)
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        return _estimate(node, context)


def _count(node: Node, context: Context, seconds: float) -> Preview:
    condition = compile_everyone(node, context)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(memberships_sql.RAISE_WORK_MEM)
        cursor.execute(TIMEOUT, [f"{int(seconds * 1000)}ms"])
        ((size,),) = _rows(fill(definitions_sql.COUNT, condition=condition))
        sample = fill(definitions_sql.SAMPLE, condition=condition, limit=SAMPLE_SIZE)
        found = tuple(uuid for (uuid,) in _rows(sample))
        cursor.execute(TIMEOUT, ["0"])
        return Preview(size, found)


def _estimate(node: Node, context: Context) -> Preview:
    """The share of a random part, and the Wilson score interval of it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(definitions_sql.COUNT_PROFILES)
        (total,) = cursor.fetchone()
        percent = min(100.0, 100 * ESTIMATE_PROFILES / max(total, 1))
        cursor.execute(definitions_sql.RANDOM_PROFILES, [percent])
        ids = [number for (number,) in cursor.fetchall()]
        total = max(total, len(ids))
        scoped = compile_scoped([node], ids, context)
        found = _rows(
            fill(
                definitions_sql.SAMPLED, joins=scoped.joins, ids=ids, condition=scoped.conditions[0]
            )
        )
    low, high = wilson(len(found), len(ids))
    share = len(found) / len(ids) if ids else 0.0
    sample = tuple(uuid for (uuid,) in found[:SAMPLE_SIZE])
    return Preview(round(share * total), sample, (int(low * total), -int(-high * total // 1)))


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927)."""
    if not trials:
        return 0.0, 1.0
    share, square = successes / trials, Z * Z
    centre = share + square / (2 * trials)
    spread = Z * sqrt(share * (1 - share) / trials + square / (4 * trials * trials))
    return (
        max(0.0, (centre - spread) / (1 + square / trials)),
        min(1.0, (centre + spread) / (1 + square / trials)),
    )


def _rows(statement: Fragment) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
