"""Computing the values of computed traits from events.

Invariant: it only reads. A value depends on the person's events alone: those dated in the future
count like others. Whoever has no such event has no value.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from profiles.lib import exact_json
from segments.compiler import Fragment, compile_scoped, fill, join_fragments
from segments.computed import sql
from segments.definitions.live import make_context
from segments.language.nodes import Aggregate, EventLeaf
from segments.lib.moments import LATEST

# Of a JSON number each is the text.
NUMBER = "trim_scale(({quantity})::numeric)::text"
COLUMNS = {
    Aggregate.SUM: "trim_scale(coalesce({quantity}, 0)::numeric)::text",
    Aggregate.NET: "trim_scale(coalesce({quantity}, 0)::numeric)::text",
    Aggregate.AVG: "trim_scale(round(({quantity})[1] / nullif(({quantity})[2], 0), 6))::text",
    Aggregate.DAYS_BETWEEN: (
        "trim_scale(round(({quantity})[1] / nullif(({quantity})[2], 0), 6))::text"
    ),
    Aggregate.FIRST: "({quantity} -> 'value')::text",
    Aggregate.LAST: "({quantity} -> 'value')::text",
    Aggregate.MOST_FREQUENT: "({quantity} -> 'value')::text",
    Aggregate.FIRST_AT: "{quantity}",
    Aggregate.LAST_AT: "{quantity}",
}


@dataclass(frozen=True, slots=True)
class Computation:
    """What is computed for a trait, None where it ends. `trait_id` is that of its definition."""

    id: int
    trait_id: int
    quantity: EventLeaf | None


def compute_values(
    computations: Sequence[Computation], profile_ids: Sequence[int]
) -> dict[int, dict[int, Any]]:
    """Return each value by profile and trait, None where there is none, in one statement."""
    ids = sorted(set(profile_ids))
    values: dict[int, dict[int, Any]] = {
        profile_id: dict.fromkeys((each.trait_id for each in computations), None)
        for profile_id in ids
    }
    known = {each.trait_id: each.quantity for each in computations if each.quantity is not None}
    context = make_context({}, now=LATEST)
    counts = [_count_of(quantity) for quantity in known.values()]
    scoped = compile_scoped([*known.values(), *counts], ids, context)
    # Of events that nobody ever sent there is no column, and no value.
    columns = {
        trait_id: _column(quantity, scoped.quantities[quantity], scoped.quantities[count])
        for (trait_id, quantity), count in zip(known.items(), counts, strict=True)
        if quantity in scoped.quantities and count in scoped.quantities
    }
    if columns:
        joined = join_fragments(", ", columns.values())
        statement = fill(sql.COMPUTE, columns=joined, joins=scoped.joins, ids=ids)
        with connection.cursor() as cursor:
            cursor.execute(statement.text, statement.params)
            for profile_id, *row in cursor.fetchall():
                for trait_id, value in zip(columns, row, strict=True):
                    values[profile_id][trait_id] = _json_value(value)
    return values


def _count_of(quantity: EventLeaf) -> EventLeaf:
    return replace(quantity, aggregate=Aggregate.COUNT, property=None)


def _column(quantity: EventLeaf, column: Fragment, count: Fragment) -> Fragment:
    template = COLUMNS.get(quantity.aggregate, NUMBER)
    return fill(
        "CASE WHEN {count} > 0 THEN {value} END", count=count, value=fill(template, quantity=column)
    )


def _json_value(column: str | datetime | None) -> Any:
    """Return a column as the value of a trait: times as RFC 3339 in UTC, the rest is JSON."""
    if isinstance(column, datetime):
        return column.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return None if column is None else exact_json.loads(column)
