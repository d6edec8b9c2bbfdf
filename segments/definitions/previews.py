"""Previews: how many members a definition would have, exactly or as an estimate.

Invariant: no statement runs longer than its limit, and the caller's own limit holds afterwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from typing import Any
from uuid import UUID

from django.db import Error, OperationalError, connection
from psycopg.errors import QueryCanceled

from profiles.lib.checkpoints import reach
from profiles.lib.database import database_now, time_limit
from profiles.lib.estimates import estimated_rows
from profiles.lib.faults import fault_of
from segments.compiler import Context, Fragment, compile_everyone, compile_scoped, fill
from segments.definitions import sql as definitions_sql
from segments.definitions.boundaries import read_models, settle, with_boundaries
from segments.definitions.dependencies import check_definition
from segments.definitions.entries import refuse_before_first_build
from segments.definitions.live import make_context, member_node, read_live_definitions
from segments.language.nodes import Node
from segments.language.operands import DefinitionError, definition_error
from segments.lib import checkpoints
from segments.lib.moments import refuse_out_of_range
from segments.lib.sql import RAISE_WORK_MEM

EXACT_SECONDS = 1
ESTIMATE_SECONDS = 5
SAMPLE_SIZE = 10
ESTIMATE_PROFILES = 10_000
# The 97.5 % quantile of the standard normal distribution, for an interval of 95 %.
Z = 1.959964


@dataclass(frozen=True, slots=True)
class Preview:
    """The size of a definition and a few of its members.

    `interval` is the 95 % interval of an estimated size, None for an exact one.
    """

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
    """Evaluate a definition as of a time, now by default.

    All profiles are counted. Where that takes longer than `exact_seconds`, the size is estimated
    from a random sample. `key` is that of the segment which would get the definition, with its
    overrides and its place in a group. Raises DefinitionError, also for a definition that takes too
    long or cannot be evaluated, and MomentError.
    """
    node = member_node(check_definition(definition, key=key), key)
    return preview_node(node, at=at, exact_seconds=exact_seconds)


def preview_node(
    node: Node, *, at: datetime | None = None, exact_seconds: float = EXACT_SECONDS
) -> Preview:
    """Evaluate nodes as `preview` evaluates a definition."""
    refuse_out_of_range(at)
    now = database_now()
    is_past = at is not None and at < now
    context = make_context(read_live_definitions().nodes, now=at or now, is_present=not is_past)
    refuse_before_first_build(node, context, at)
    node = with_boundaries(node, [], read_models(at if is_past else None))
    try:
        with time_limit(ESTIMATE_SECONDS):
            node, context = settle(node, context, is_afresh=at is not None)
        return _count_or_estimate(node, context, exact_seconds)
    except Error as error:
        raise _refusal(fault_of(error)) from None


def _count_or_estimate(node: Node, context: Context, exact_seconds: float) -> Preview:
    try:
        return _count(node, context, exact_seconds)
    except OperationalError as error:
        # Only the time-out is expected; anything else is a fault.
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        return _estimate(node, context)


def _refusal(fault: str) -> DefinitionError:
    if fault == "query_canceled":
        detail = f"Even an estimate takes more than {ESTIMATE_SECONDS} seconds; make it smaller."
        return definition_error("", "too_slow", detail)
    return definition_error("", "not_evaluable", f"The database cannot evaluate this: {fault}.")


def _count(node: Node, context: Context, seconds: float) -> Preview:
    condition = compile_everyone(node, context)
    with time_limit(seconds), connection.cursor() as cursor:
        cursor.execute(RAISE_WORK_MEM)
        reach(checkpoints.COUNTING)
        ((size,),) = _fetch(fill(definitions_sql.COUNT_MATCHING, condition=condition))
        sample = _fetch(fill(definitions_sql.LIST_MATCHING, condition=condition, limit=SAMPLE_SIZE))
        return Preview(size, tuple(uuid for (uuid,) in sample))


def _estimate(node: Node, context: Context) -> Preview:
    with time_limit(ESTIMATE_SECONDS), connection.cursor() as cursor:
        reach(checkpoints.ESTIMATING)
        total = estimated_rows("profiles_profile") or 0
        percent = min(100.0, 100 * ESTIMATE_PROFILES / max(total, 1))
        cursor.execute(definitions_sql.RANDOM_PROFILES, [percent])
        ids = [profile_id for (profile_id,) in cursor.fetchall()]
        # The planner's statistics may be missing or out of date.
        total = max(total, len(ids))
        scoped = compile_scoped([node], ids, context)
        members = _fetch(
            fill(
                definitions_sql.MATCHING_AMONG,
                joins=scoped.joins,
                ids=ids,
                condition=scoped.conditions[0],
            )
        )
    low, high = wilson_interval(len(members), len(ids))
    share = len(members) / len(ids) if ids else 0.0
    sample = tuple(uuid for (uuid,) in members[:SAMPLE_SIZE])
    # The lower end is rounded down and the upper one up.
    return Preview(round(share * total), sample, (int(low * total), -int(-high * total // 1)))


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share (Wilson 1927)."""
    if not trials:
        return 0.0, 1.0
    share, square = successes / trials, Z * Z
    centre = share + square / (2 * trials)
    spread = Z * sqrt(share * (1 - share) / trials + square / (4 * trials * trials))
    return (
        max(0.0, (centre - spread) / (1 + square / trials)),
        min(1.0, (centre + spread) / (1 + square / trials)),
    )


def _fetch(statement: Fragment) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
