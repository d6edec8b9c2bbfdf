"""The dictionary of event names.

Invariant: public keys, which anybody can use, bring up so many names of a source only.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from django.conf import settings

from profiles.models import EventName

# The name of all events whose own name is one too many.
OTHER_EVENTS = "Other events"
NameKey = tuple[str, str]  # kind and name


class NameRef(NamedTuple):
    """An event name's id, and the property of its events that is stored as their value.

    `is_other` is true where the event's own name was one too many.
    """

    id: int
    value_property: str
    is_other: bool = False


def resolve_names(names: Mapping[NameKey, int | None]) -> dict[NameKey, NameRef]:
    """Return the dictionary's entry of each (kind, name), and add those that are new.

    `names` has the id of the source that alone claims a name, and None where trust vouches for it.
    """
    entries = _find_names(names)
    missing = {key: names[key] for key in sorted(names.keys() - entries.keys())}
    if not missing:
        return entries
    refused = _beyond_bounds(missing)
    others = {(kind, OTHER_EVENTS): None for kind, _ in refused}
    _add_names({key: source for key, source in missing.items() if key not in refused} | others)
    entries |= _find_names({*missing, *others})
    for key in refused - entries.keys():
        entries[key] = entries[key[0], OTHER_EVENTS]._replace(is_other=True)
    return entries


def _beyond_bounds(missing: Mapping[NameKey, int | None]) -> set[NameKey]:
    """Return the names that are too many of their source."""
    by_source: dict[int, list[NameKey]] = defaultdict(list)
    for key, source_id in missing.items():
        if source_id is not None:
            by_source[source_id].append(key)
    refused: set[NameKey] = set()
    for source_id, keys in by_source.items():
        claimed = EventName.objects.filter(claimed_by=source_id).count()
        refused.update(keys[max(0, settings.CLAIMED_NAMES_PER_SOURCE - claimed) :])
    return refused


def _add_names(names: Mapping[NameKey, int | None]) -> None:
    # Another worker may add the same name at once: ignore the conflict, then read its row.
    EventName.objects.bulk_create(
        [
            EventName(
                kind=kind, name=name, claimed_by_id=source_id, reduces=_reduced_at_first(kind, name)
            )
            for (kind, name), source_id in sorted(names.items(), key=lambda item: item[0])
        ],
        ignore_conflicts=True,
    )


def _reduced_at_first(kind: str, name: str) -> str:
    """Return the name of the event that a new one reduces, until staff say otherwise."""
    is_reducing = kind == EventName.Kind.TRACK and name in settings.REDUCING_EVENTS
    return str(settings.ORDER_EVENT) if is_reducing and name != settings.ORDER_EVENT else ""


def _find_names(wanted: Iterable[NameKey]) -> dict[NameKey, NameRef]:
    keys = set(wanted)
    rows = EventName.objects.filter(name__in={name for _, name in keys}).values_list(
        "kind", "name", "id", "value_property"
    )
    return {
        (kind, name): NameRef(name_id, value_property)
        for kind, name, name_id, value_property in rows
    }
