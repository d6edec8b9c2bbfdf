"""Groups of a definition: where they are, what they are called, and which tree a place is in.

The `not` around a node is a word of the node, and no place of its own.
"""

from collections.abc import Iterator
from typing import Any

from segments.admin.builder.paths import join_steps, look_up, parent_of, split_path

# The groups that staff choose from: a word for each, and what it is in the language.
GROUP_KINDS = ("all", "any", "none", "at_least", "not_all", "fewer")


def is_group(node: Any) -> bool:
    return isinstance(node, dict) and "children" in node


def inner_path(definition: Any, path: str) -> str:
    """Return the path of the node itself, below the `not` around it."""
    node = look_up(definition, path)
    is_negated = isinstance(node, dict) and node.get("type") == "not" and "child" in node
    return f"{path}.child".lstrip(".") if is_negated else path


def children_path(definition: Any, path: str) -> str:
    """Return the path of a group's children; a leaf is put into a group first."""
    inside = inner_path(definition, path)
    if not is_group(look_up(definition, inside)):
        raise LookupError(path)
    return f"{inside}.children".lstrip(".")


def group_of(definition: Any, path: str) -> str:
    """Return the path of the group that a node is in. Raises LookupError for the outermost one."""
    above, index = parent_of(path)
    if not isinstance(index, int):
        raise LookupError(path)
    inside, field = parent_of(above)
    if field != "children":
        raise LookupError(path)
    if inside and parent_of(inside)[1] == "child":
        return parent_of(inside)[0]
    return inside


def tree_of(definition: Any, path: str) -> str:
    """Return which tree a place belongs to: the definition, or what is inside of one leaf."""
    steps = split_path(path)
    inside = [place for place, step in enumerate(steps) if step == "where"]
    if not inside:
        return "node"
    leaf = look_up(definition, join_steps(steps[: inside[0]]))
    if isinstance(leaf, dict) and leaf.get("type") == "account":
        return "account"
    # A `where` of `any` is over elements, of which there are no times and no context.
    return "where" if len(inside) == 1 else "element"


def domain_of(path: str) -> str:
    """Return the path of the outermost node of the tree that a place belongs to."""
    above, where, _below = path.rpartition("where")
    return above + where


def group_kind(definition: Any, path: str) -> str:
    """Return which of the GROUP_KINDS a group is."""
    inside = inner_path(definition, path)
    kinds = {"and": "all", "or": "any", "at_least": "at_least"}
    negated = {"and": "not_all", "or": "none", "at_least": "fewer"}
    group = look_up(definition, inside)
    return (kinds if inside == path else negated).get(str(group.get("type")), "all")


def walk(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield everything in a definition with its path, a node before what is in it."""
    yield path, value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from walk(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from walk(inner, f"{path}[{index}]")
