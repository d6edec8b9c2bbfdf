"""Plans of rebuilds: which definitions they compute, and with which boundaries.

Invariant: equal plans give equal members.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from segments.definitions.boundaries import RankBoundary, rfm_keys, with_boundaries
from segments.definitions.live import effective_definition, parsed_nodes, readable_nodes
from segments.definitions.membership import alone, base_key, membership_nodes
from segments.definitions.references import with_dependants, with_references
from segments.language.nodes import Node
from segments.memberships.recompute import Measured, models_with
from segments.models import Rebuild, Segment


@dataclass(frozen=True, slots=True)
class Plan:
    """What a rebuild computes.

    `versions` and `keys` are the version and the key of each segment to compute, by id; `nodes` are
    those of all segments that these refer to, by key, and `boundaries` the stored ones of their
    ranks, None where they are to be computed. `unreadable` are the ids of segments that should be
    computed and cannot be read.
    """

    versions: Mapping[int, int]
    keys: Mapping[int, str]
    nodes: Mapping[str, Node]
    boundaries: Mapping[str, Sequence[RankBoundary] | None]
    unreadable: frozenset[int] = frozenset()

    @property
    def targets(self) -> dict[int, Node]:
        """The node of each segment to compute, by id."""
        return {segment_id: self.nodes[key] for segment_id, key in self.keys.items()}


def unmeasured(plan: Plan) -> dict[int, Node]:
    """Return the definitions of a plan whose boundaries are to be computed, by segment id."""
    return {
        segment_id: plan.nodes[key]
        for segment_id, key in plan.keys.items()
        if plan.boundaries[key] is None
    }


def settled_plan(plan: Plan, lease: Rebuild, measured: Measured) -> Plan:
    """Return the plan whose definitions have their boundaries."""
    models = models_with(lease.family, measured)
    computed = {plan.keys[segment_id]: rows for segment_id, rows in measured.ranks.items()}
    nodes = {
        name: with_boundaries(node, computed.get(key) or plan.boundaries[key] or (), models)
        for name, node in plan.nodes.items()
        for key in [base_key(name)]
    }
    return replace(plan, nodes=nodes)


def make_plan(lease: Rebuild) -> Plan:
    """Return the plan for the segments of a lease, by their saved definitions.

    Segments that refer to them, or read the RFM model of the lease, are computed too, by their live
    definitions.
    """
    wanted = set(lease.segment_keys)
    rows = {row.key: row for row in Segment.objects.filter(status=Segment.Status.LIVE)}
    trees = parsed_nodes(
        {
            key: row.definition if key in wanted else effective_definition(row)
            for key, row in rows.items()
        }
    )
    built = {key for key, row in rows.items() if row.live_version is not None}
    nodes = readable_nodes(membership_nodes(trees, rows.values(), ranked=built | wanted))
    model = lease.family.key if lease.family else None
    readers = {key for key, node in nodes.items() if model in rfm_keys(node)}
    changed = (wanted & nodes.keys()) | readers
    affected = with_dependants({*changed, *map(alone, changed)}, nodes)
    keys = {base_key(name) for name in affected & nodes.keys()}
    versions = {
        rows[key].pk: rows[key].version if key in wanted else rows[key].live_version or 0
        for key in keys
        if key in wanted or rows[key].live_version is not None
    }
    needed = with_references(keys, nodes) & nodes.keys()
    # Boundaries are of the live definition.
    anew = {
        key
        for key in wanted & nodes.keys()
        if lease.recomputes or rows[key].live_version != rows[key].version
    }
    return Plan(
        versions,
        keys={rows[key].pk: key for key in keys if rows[key].pk in versions},
        nodes={key: nodes[key] for key in needed},
        boundaries={
            key: None if key in anew else rows[key].boundaries for key in map(base_key, needed)
        },
        unreadable=frozenset(rows[key].pk for key in (wanted & rows.keys()) - nodes.keys()),
    )
