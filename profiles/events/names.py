"""The dictionary of event names."""

from collections.abc import Iterable
from typing import NamedTuple

from profiles.models import EventName


class NameRef(NamedTuple):
    """What an event name is known by, and the property that is its value."""

    id: int
    value_property: str


def resolve_names(names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], NameRef]:
    """The dictionary's entry of each (kind, name), made where it is new."""
    wanted = set(names)
    found = _find_names(wanted)
    if missing := wanted - found.keys():
        EventName.objects.bulk_create(
            [EventName(kind=kind, name=name) for kind, name in sorted(missing)],
            ignore_conflicts=True,
        )
        found |= _find_names(missing)
    return found


def _find_names(wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], NameRef]:
    rows = EventName.objects.filter(name__in={name for _, name in wanted}).values_list(
        "kind", "name", "id", "value_property"
    )
    return {(kind, name): NameRef(number, value) for kind, name, number, value in rows}
