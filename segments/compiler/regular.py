"""Compiling leaves about complete calendar units: events came in several of the last ones."""

from collections.abc import Sequence
from datetime import datetime

from segments.compiler.context import Context, event_name_refs, first_day
from segments.compiler.fragments import FALSE, Fragment, all_of, fill
from segments.compiler.histories import filter_conditions
from segments.language.calendar import local_midnight, shift_units
from segments.language.filters import filter_of
from segments.language.nodes import RegularLeaf

UNITS = 'count(DISTINCT width_bucket(e."timestamp", {edges}::timestamptz[]))'


def compile_regular(leaf: RegularLeaf, context: Context, ids: Sequence[int] | None) -> Fragment:
    """Return the condition that `p` has events in enough of the units."""
    if not event_name_refs(filter_of(leaf), context):
        return FALSE
    return fill(
        "(p.id IN (SELECT e.profile_id FROM profiles_event e WHERE {checks}"
        " GROUP BY e.profile_id HAVING {units} >= {count}::int))",
        checks=_checks(leaf, context, ids),
        units=fill(UNITS, edges=unit_edges(leaf, context)),
        count=leaf.at_least,
    )


def count_units(leaf: RegularLeaf, context: Context, ids: Sequence[int]) -> Fragment:
    """Return in how many of the units these profiles have events, as one number."""
    if not event_name_refs(filter_of(leaf), context):
        return Fragment("0")
    return fill(
        "(SELECT {units} FROM profiles_event e WHERE {checks})",
        checks=_checks(leaf, context, ids),
        units=fill(UNITS, edges=unit_edges(leaf, context)),
    )


def _checks(leaf: RegularLeaf, context: Context, ids: Sequence[int] | None) -> Fragment:
    edges = unit_edges(leaf, context)
    return all_of(
        [
            *filter_conditions(filter_of(leaf), context, ids),
            fill('e."timestamp" >= {start}::timestamptz', start=edges[0]),
            fill('e."timestamp" < {end}::timestamptz', end=edges[-1]),
        ]
    )


def unit_edges(leaf: RegularLeaf, context: Context) -> list[datetime]:
    """Return the starts of the units that are asked for, and of the one that is now."""
    current = first_day(leaf.unit, context.now, context)
    return [
        local_midnight(shift_units(current, leaf.unit, -count), context.zone)
        for count in range(leaf.of, -1, -1)
    ]
