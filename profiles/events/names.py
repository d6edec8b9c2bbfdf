"""The dictionary of event names."""

from collections.abc import Iterable
from typing import NamedTuple

from profiles.models import EventName


class NameRef(NamedTuple):
    """An event name's id, and the property of its events that is stored as their value."""

    id: int
    value_property: str


def resolve_names(names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], NameRef]:
    """Return the dictionary's entry of each (kind, name), and add those that are new."""
    wanted = set(names)
    entries = _find_names(wanted)
    if missing := wanted - entries.keys():
        # Another worker may add the same name at once: ignore the conflict, then read its row.
        EventName.objects.bulk_create(
            [EventName(kind=kind, name=name) for kind, name in sorted(missing)],
            ignore_conflicts=True,
        )
        entries |= _find_names(missing)
    return entries


def _find_names(wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], NameRef]:
    rows = EventName.objects.filter(name__in={name for _, name in wanted}).values_list(
        "kind", "name", "id", "value_property"
    )
    return {
        (kind, name): NameRef(name_id, value_property)
        for kind, name, name_id, value_property in rows
    }
