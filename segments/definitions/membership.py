"""Who is a member: the definition, what staff decided about single people, and exclusive groups.

    member = not excluded, and included or in the tree, and in no better segment of its group

A segment is better than another where it has the person by inclusion and the other has not, or else
where it stands first. Invariant: whatever evaluates a live segment, or refers to one, evaluates
this.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

from segments.language.nodes import And, Node, Not, Or, OverrideLeaf, SegmentLeaf
from segments.models import Segment

# What stands for a segment as it would be without its group, among the nodes by key. No key has a
# space.
ALONE = " without its group"


def alone(key: str) -> str:
    """Return the name of a segment as it would be without its group."""
    return key + ALONE


def base_key(name: str) -> str:
    """Return the key of the segment that a name among the nodes is about."""
    return name.removesuffix(ALONE)


def membership_nodes(
    trees: Mapping[str, Node], rows: Iterable[Segment], *, ranked: Collection[str]
) -> dict[str, Node]:
    """Return, by key, who is a member of each segment, and the helping nodes that these refer to.

    `ranked` are the keys of those that take part in their groups by now.
    """
    by_group: dict[int, list[Segment]] = {}
    known = [row for row in rows if row.key in trees]
    for row in sorted(known, key=lambda row: (row.place_in_group, row.pk)):
        if row.group_id is not None and row.key in ranked:
            by_group.setdefault(row.group_id, []).append(row)
    nodes: dict[str, Node] = {}
    for row in known:
        candidate = _candidate(row, trees[row.key])
        members = by_group.get(row.group_id or 0, [])
        rivals = [node for _, node in better_segments(row, members)]
        nodes[row.key] = And((candidate, *map(_not, rivals))) if rivals else candidate
        if row in members:
            nodes[alone(row.key)] = candidate
    return nodes


def better_segments(row: Segment, members: Iterable[Segment]) -> Iterator[tuple[str, Node]]:
    """Yield the other segments of a group, each with the condition that it has the person first."""
    place = (row.place_in_group, row.pk)
    for rival in members:
        conditions: list[Node] = []
        if rival.pk == row.pk:
            continue
        if (rival.place_in_group, rival.pk) < place:
            conditions.append(SegmentLeaf(alone(rival.key)))
            if row.has_overrides:
                not_included = _not(_included(row))
                conditions.append(
                    Or((_included(rival), not_included)) if rival.has_overrides else not_included
                )
        elif rival.has_overrides:
            conditions += [_included(rival), _not(_excluded(rival))]
            if row.has_overrides:
                conditions.append(_not(_included(row)))
        if conditions:
            yield rival.key, And(tuple(conditions))


def _candidate(row: Segment, tree: Node) -> Node:
    """Return the condition that a segment would have a person without its group."""
    if not row.has_overrides:
        return tree
    return And((_not(_excluded(row)), Or((_included(row), tree))))


def _not(node: Node) -> Node:
    return Not(node)


def _included(row: Segment) -> Node:
    return OverrideLeaf(row.pk, is_included=True)


def _excluded(row: Segment) -> Node:
    return OverrideLeaf(row.pk, is_included=False)
