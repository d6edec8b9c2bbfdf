"""Which segments refer to which, and the check that a definition may be saved."""

from collections.abc import Iterable, Iterator, Mapping

from consent.models import Purpose
from profiles.lib.database import database_now
from segments.compiler import expanded_leaves
from segments.compiler.trees import leaves
from segments.definitions.live import effective_definition, make_context
from segments.language.nodes import ConsentLeaf, Node, SegmentLeaf
from segments.language.parser import DefinitionError, Fault, parse, parse_with_paths
from segments.models import Segment

# A segment is evaluated with the leaves of all segments that it refers to.
MAX_EXPANDED_LEAVES = 2000
Status = Segment.Status


def referenced_segments(node: Node) -> set[str]:
    """Return the keys of the segments that a definition refers to directly."""
    return {leaf.key for leaf in leaves(node) if isinstance(leaf, SegmentLeaf)}


def with_references(keys: set[str], nodes: Mapping[str, Node]) -> set[str]:
    """Return the keys, and those of all segments that they refer to, also through others."""
    known = (nodes[key] for key in keys if key in nodes)
    more_keys = keys.union(*(referenced_segments(node) for node in known))
    return with_references(more_keys, nodes) if more_keys > keys else keys


def with_dependants(keys: set[str], nodes: Mapping[str, Node]) -> set[str]:
    """Return the keys, and those of all segments that refer to them, also through others."""
    more_keys = {
        key for key, node in nodes.items() if key not in keys and referenced_segments(node) & keys
    }
    return with_dependants(keys | more_keys, nodes) if more_keys else keys


def dependants(key: str) -> list[str]:
    """Return the keys of the live segments whose saved or live definition refers to this one."""
    return sorted(
        row.key
        for row in Segment.objects.filter(status=Status.LIVE).exclude(key=key)
        if key in referenced_segments(parse(row.definition))
        or key in referenced_segments(parse(effective_definition(row)))
    )


def check_definition(definition: object, *, key: str = "") -> Node:
    """Return the root node of a definition if the segment with this key may have it.

    Raises DefinitionError with the path of each fault.
    """
    node, placed_leaves = parse_with_paths(definition)
    rows = Segment.objects.filter(status=Status.LIVE).exclude(key=key)
    saved = {row.key: parse(row.definition) for row in rows}
    live = {row.key: parse(effective_definition(row)) for row in rows}
    purposes = set(Purpose.objects.values_list("key", flat=True))
    faults = [
        fault
        for path, leaf in placed_leaves
        for fault in _leaf_faults(path, leaf, key, (saved, live), purposes)
    ]
    if faults:
        raise DefinitionError(faults)
    # Only now: with a cycle the expansion would not end.
    count = sum(1 for _ in expanded_leaves(node, make_context(saved, now=database_now())))
    if count > MAX_EXPANDED_LEAVES:
        detail = (
            f"With the segments that it leans on it has {count} leaves; "
            f"at most {MAX_EXPANDED_LEAVES}."
        )
        raise DefinitionError([Fault("", "limit", detail)])
    return node


def _leaf_faults(
    path: str,
    leaf: object,
    key: str,
    definitions: Iterable[Mapping[str, Node]],
    purposes: set[str],
) -> Iterator[Fault]:
    """Yield the faults of a leaf, which must be correct by the saved and the live definitions.

    Memberships follow the live ones until the saved ones are built, so both are evaluated.
    """
    match leaf:
        case ConsentLeaf(purpose) if purpose not in purposes:
            detail = (
                f"There is no such purpose; there are: {', '.join(sorted(purposes)) or 'none'}."
            )
            yield Fault(f"{path}.purpose".lstrip("."), "unknown", detail)
        case SegmentLeaf(other):
            key_path = f"{path}.key".lstrip(".")
            if other == key or any(key in with_references({other}, nodes) for nodes in definitions):
                yield Fault(key_path, "cycle", "The segment would lean on itself.")
            elif any(other not in nodes for nodes in definitions):
                detail = (
                    "There is no live segment with this key; drafts and archived ones are refused."
                )
                yield Fault(key_path, "unknown", detail)
