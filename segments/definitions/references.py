"""Which definitions refer to which segments."""

from collections.abc import Iterable, Mapping

from segments.compiler.trees import leaves
from segments.language.nodes import Node, SegmentLeaf


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


def first_circle(keys: Iterable[str], nodes: Mapping[str, Node]) -> list[str]:
    """Return the keys around a circle through one of these segments; empty if there is none."""
    for key in keys:
        for other in sorted(referenced_segments(nodes[key])) if key in nodes else ():
            if path := reference_path(other, key, nodes):
                return [key, *path]
    return []


def reference_path(start: str, end: str, nodes: Mapping[str, Node]) -> list[str]:
    """Return the keys from one segment through its references to another; empty if none lead."""
    paths, seen = [[start]], {start}
    for path in paths:
        if path[-1] == end:
            return path
        node = nodes.get(path[-1])
        for key in sorted(referenced_segments(node) - seen) if node is not None else ():
            seen.add(key)
            paths.append([*path, key])
    return []
