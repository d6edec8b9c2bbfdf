"""What leaves about events have in common: which events they read."""

from collections.abc import Sequence

from segments.compiler.context import Context, EventNameRef, event_name_refs
from segments.compiler.fragments import Fragment, fill
from segments.compiler.where import compile_where
from segments.language.filters import EventFilter


def filter_conditions(
    events: EventFilter, context: Context, ids: Sequence[int] | None = None
) -> list[Fragment]:
    """Return the conditions that `e` is one of these events, of these profiles if there are ids."""
    checks = [name_condition(event_name_refs(events, context))]
    if ids is not None:
        checks.append(fill("e.profile_id = ANY({ids}::bigint[])", ids=list(ids)))
    if events.where is not None:
        checks.append(compile_where(events.where, context))
    return checks


def name_condition(names: list[EventNameRef]) -> Fragment:
    """Return the condition that event `e` has one of the names."""
    if len(names) == 1:
        return fill("e.name_id = {id}::bigint", id=names[0].id)
    return fill("e.name_id = ANY({ids}::bigint[])", ids=[ref.id for ref in names])
