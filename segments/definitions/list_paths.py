"""Finding keys of properties that run into a list of objects, where only `any` gets through.

Such a key would be missing from every event. What the store has received says which keys do.
"""

from collections.abc import Iterator, Sequence

from django.db import connection

from segments.compiler.context import Context, event_name_refs
from segments.compiler.fragments import fill
from segments.compiler.histories import name_condition
from segments.definitions import sql
from segments.language.filters import EventFilter, event_filters
from segments.language.nodes import (
    AnyElement,
    EventLeaf,
    FieldLeaf,
    Path,
    PersonLeaf,
    RankLeaf,
    Root,
)
from segments.language.operands import Fault, join_path, use_any

PlacedLeaves = Sequence[tuple[str, object]]


def list_path_faults(placed_leaves: PlacedLeaves, context: Context) -> Iterator[Fault]:
    """Yield a fault for each key of an event's property that runs into a list of objects.

    `placed_leaves` are all leaves of a definition with their paths.
    """
    for path, leaf in placed_leaves:
        # Others are leaves of a `where`.
        if not isinstance(leaf, PersonLeaf):
            continue
        quantity = leaf.quantity if isinstance(leaf, RankLeaf) else leaf
        if isinstance(quantity, EventLeaf) and quantity.property is not None:
            place, events = join_path(path, "property"), EventFilter(quantity.name, quantity.kind)
            yield from _key_faults(place, quantity.property, events, context)
        for inner, events in event_filters(leaf):
            where = join_path(join_path(path, inner) if inner else path, "where")
            for place, key in _keys_below(where, placed_leaves):
                yield from _key_faults(place, key, events, context)


def _key_faults(place: str, key: Path, events: EventFilter, context: Context) -> Iterator[Fault]:
    names = name_condition(event_name_refs(events, context))
    for length in range(1, len(key)):
        statement = fill(sql.IS_LIST_OF_OBJECTS, key=list(key[:length]), has_name=names)
        with connection.cursor() as cursor:
            cursor.execute(statement.text, statement.params)
            if cursor.fetchone()[0]:
                yield Fault(place, "invalid", use_any(".".join(key[:length])))


def _keys_below(where: str, placed_leaves: PlacedLeaves) -> Iterator[tuple[str, Path]]:
    """Yield the keys in the properties of an event itself below a `where`, each with its place."""
    inside = [(place, leaf) for place, leaf in placed_leaves if place.startswith(where)]
    # The keys below `any` are those of a list's elements.
    lists = tuple(f"{place}.where" for place, leaf in inside if isinstance(leaf, AnyElement))
    for place, leaf in inside:
        if place.startswith(lists):
            continue
        if isinstance(leaf, FieldLeaf) and leaf.root is Root.PROPERTIES:
            yield join_path(place, "key"), leaf.key
