"""Components: identifiers that ever shared a fact, kept or refused.

Invariant: components only grow, and facts are replayed by whole components.
"""

from collections.abc import Sequence

from django.db import connection

from profiles.identifiers.references import Ref
from profiles.identity import sql
from profiles.identity.loaded import LoadedPeople
from profiles.identity.observations import Observation
from profiles.lib.database import array_of


def join_components(people: LoadedPeople, observations: Sequence[Observation]) -> None:
    """Join the components of identifiers that new facts name together."""
    union_find = UnionFind()
    for observation in observations:
        # Quarantined identifiers join nothing, as in the engine, unless there are no others.
        usable = [ref for ref in observation.refs if not people.rows[ref].is_quarantined]
        union_find.join([_component(people, ref) for ref in usable or observation.refs[:1]])
    new_rows = {row.id: row for row in people.rows.values() if row.is_new}
    for identifier_id, row in new_rows.items():
        row.component = union_find.root(identifier_id)
    # New identifiers are not stored yet and carry their component with them.
    joined = {
        component: union_find.root(component)
        for component in union_find.joined()
        if component not in new_rows
    }
    if joined:
        with connection.cursor() as cursor:
            cursor.execute(sql.JOIN_COMPONENTS, [array_of(joined), array_of(joined.values())])


def _component(people: LoadedPeople, ref: Ref) -> int:
    """Return the identifier's component; a new identifier starts as one of its own."""
    row = people.rows[ref]
    return row.component or row.id


class UnionFind:
    """Disjoint sets of components; the smallest number of a set is its root."""

    def __init__(self) -> None:
        self._parents: dict[int, int] = {}

    def root(self, component: int) -> int:
        while (parent := self._parents.get(component, component)) != component:
            component = parent
        return component

    def join(self, components: Sequence[int]) -> None:
        roots = {self.root(component) for component in components}
        self._parents.update(dict.fromkeys(roots, min(roots)))

    def joined(self) -> list[int]:
        """Return the components that are not the root of their set."""
        return [component for component, parent in self._parents.items() if parent != component]
