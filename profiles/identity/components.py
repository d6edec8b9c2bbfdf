"""Components: identifiers that ever shared a fact, kept or refused. They only grow, and are the unit of replay."""

from collections.abc import Sequence

from django.db import connection

from profiles.identifiers.references import Ref
from profiles.identity import sql
from profiles.identity.loaded import LoadedPeople
from profiles.identity.observations import Observation
from profiles.lib.database import array_of


def join_components(people: LoadedPeople, sightings: Sequence[Observation]) -> None:
    """Join what the new facts name together; quarantined identifiers extend nothing."""
    forest = _Forest()
    for sighting in sightings:
        usable = [ref for ref in sighting.refs if not people.rows[ref].is_quarantined]
        forest.join([_component(people, ref) for ref in usable or sighting.refs[:1]])
    fresh = {row.id: row for row in people.rows.values() if row.is_new}
    for number, row in fresh.items():
        row.component = forest.top(number)
    joined = {own: forest.top(own) for own in forest.joined() if own not in fresh}
    if joined:
        with connection.cursor() as cursor:
            cursor.execute(sql.JOIN_COMPONENTS, [array_of(joined), array_of(joined.values())])


def _component(people: LoadedPeople, ref: Ref) -> int:
    """A new identifier starts as a component of its own, which bears its number."""
    row = people.rows[ref]
    return row.component or row.id


class _Forest:
    """Union-find; the smallest number leads."""

    def __init__(self) -> None:
        self._above: dict[int, int] = {}

    def top(self, component: int) -> int:
        while (above := self._above.get(component, component)) != component:
            component = above
        return component

    def join(self, components: Sequence[int]) -> None:
        tops = {self.top(component) for component in components}
        self._above.update(dict.fromkeys(tops, min(tops)))

    def joined(self) -> list[int]:
        """Those that are led by another one."""
        return [component for component, above in self._above.items() if above != component]
