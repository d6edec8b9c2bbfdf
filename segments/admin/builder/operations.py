"""The operations by which staff change a definition.

Invariant: an operation that makes no sense changes nothing and says so. Nothing is judged here: the
result may be faulty, and the parser says where.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from profiles.lib import exact_json
from segments.admin.builder.blanks import (
    GROUPS,
    USUAL_ITEMS,
    field_schema,
    new_field,
    new_leaf,
    set_operator,
)
from segments.admin.builder.groups import (
    children_path,
    domain_of,
    group_of,
    inner_path,
    is_group,
    tree_of,
    walk,
)
from segments.admin.builder.paths import ABSENT, look_up, parent_of, put, take
from segments.language.events import PROPERTY_AGGREGATES
from segments.language.operators import FOLDING_OPERATORS
from segments.language.shapes import first_operator, subject_of


@dataclass(frozen=True, slots=True)
class Operation:
    """What is done at which place: its name, and what it takes."""

    name: str
    path: str = ""
    value: str = ""
    kind: str = ""
    index: int = 0


@dataclass(slots=True)
class Change:
    """A definition after an operation, which node has the focus then, and what is announced."""

    definition: Any
    focus: str = ""
    words: str = ""


def apply(definition: Any, operation: Operation) -> Change:
    """Return the definition after an operation; the given one stays as it is."""
    change = Change(deepcopy(definition), operation.path)
    perform = OPERATIONS.get(operation.name)
    if perform is None:
        return change
    try:
        perform(change, operation)
    except (AttributeError, LookupError, TypeError, ValueError):
        return Change(definition, operation.path, _("This cannot be done here."))
    return change


def _set_group(change: Change, operation: Operation) -> None:
    children = look_up(change.definition, children_path(change.definition, operation.path))
    kind = operation.value
    types = {"all": "and", "not_all": "and", "any": "or", "none": "or"}
    group: dict[str, Any] = {"type": types.get(kind, "at_least"), "children": children}
    if group["type"] == "at_least":
        group = {"type": "at_least", "count": min(2, len(children)) or 1, "children": children}
    if kind in ("none", "not_all", "fewer"):
        group = {"type": "not", "child": group}
    change.definition = put(change.definition, operation.path, group)


def _negate(change: Change, operation: Operation) -> None:
    """Turn a node into everybody else, or back."""
    path, definition = operation.path, change.definition
    node, inside = look_up(definition, path), inner_path(definition, path)
    leaf = look_up(definition, inside)
    if isinstance(leaf.get("permitted"), bool):
        leaf["permitted"] = not leaf["permitted"]
    elif inside != path:
        change.definition = put(definition, path, leaf)
    else:
        change.definition = put(definition, path, {"type": "not", "child": node})


# Nodes come, go and move.


def _add(change: Change, operation: Operation) -> None:
    """Put a new leaf, or a group with one, at the end of a group."""
    tree = tree_of(change.definition, operation.path)
    kind, _sep, aggregate = operation.kind.partition(":")
    if kind in GROUPS:
        node: dict[str, Any] = {"type": kind, "children": []}
    else:
        node = new_leaf(kind, tree)
        if aggregate:
            _set_aggregate(node, aggregate)
    _append(change, operation.path, node)


def _insert(change: Change, operation: Operation) -> None:
    """Put a definition, such as a template's, at the end of a group."""
    node = exact_json.read(operation.value.encode())
    here = look_up(change.definition, operation.path)
    if not operation.path and is_group(here) and not here["children"]:
        change.definition = node
        return
    _append(change, operation.path, node)


def _append(change: Change, path: str, node: Any) -> None:
    here = look_up(change.definition, path)
    if here is ABSENT:
        raise LookupError(path)
    if not is_group(look_up(change.definition, inner_path(change.definition, path))):
        change.definition = put(change.definition, path, {"type": "and", "children": [here]})
    place = children_path(change.definition, path)
    children = look_up(change.definition, place)
    children.append(node)
    change.focus = f"{place}[{len(children) - 1}]"
    change.words = _("added")


def _remove(change: Change, operation: Operation) -> None:
    if not operation.path:
        change.definition = {"type": "and", "children": []}
        return
    above, step = parent_of(operation.path)
    take(change.definition, operation.path)
    # The one before it, or the one that took its place.
    left = look_up(change.definition, above)
    is_list = isinstance(left, list) and isinstance(step, int)
    change.focus = f"{above}[{max(int(step) - 1, 0)}]" if is_list and left else above
    change.words = _("removed")


def _double(change: Change, operation: Operation) -> None:
    above, index = parent_of(operation.path)
    siblings = look_up(change.definition, above)
    siblings.insert(int(index) + 1, deepcopy(siblings[int(index)]))
    change.focus = f"{above}[{int(index) + 1}]"
    change.words = _("doubled")


def _move(change: Change, operation: Operation) -> None:
    """Move a node to a place in a group, `value` being the group's path."""
    definition, path = change.definition, operation.path
    is_elsewhere = domain_of(path) != domain_of(operation.value)
    if is_elsewhere or operation.value == path or operation.value.startswith(f"{path}."):
        raise LookupError(path)
    siblings = look_up(definition, children_path(definition, operation.value))
    former = look_up(definition, parent_of(path)[0])
    node = take(definition, path)
    index = max(0, min(operation.index, len(siblings)))
    siblings.insert(index, node)
    if not former:
        _drop_empty(change, former)
    change.focus = _path_of(change.definition, node)
    change.words = moved_words(change)


def moved_words(change: Change) -> str:
    """Say at which place what has the focus stands now."""
    above, place = parent_of(change.focus)
    siblings = look_up(change.definition, above)
    return _("moved to place %(place)s of %(of)s") % {"place": int(place) + 1, "of": len(siblings)}


def _drop_empty(change: Change, children: list[Any]) -> None:
    """Take a group out that has lost its last child, unless it is the outermost one."""
    for path, node in walk(change.definition):
        if isinstance(node, dict) and node.get("children") is children and path:
            above, step = parent_of(path)
            outer = above if step == "child" else path
            if outer and isinstance(parent_of(outer)[1], int):
                take(change.definition, outer)
            return


def _path_of(definition: Any, node: Any) -> str:
    return next(path for path, inner in walk(definition) if inner is node)


def _step_to(change: Change, operation: Operation, by: int) -> None:
    above, index = parent_of(operation.path)
    group, place = group_of(change.definition, operation.path), int(index) + by
    if not 0 <= place < len(look_up(change.definition, above)):
        raise LookupError(operation.path)
    _move(change, Operation("move", operation.path, group, index=place))


def _up(change: Change, operation: Operation) -> None:
    _step_to(change, operation, -1)


def _down(change: Change, operation: Operation) -> None:
    _step_to(change, operation, 1)


def _into(change: Change, operation: Operation) -> None:
    """Move a node into the group before or after it, else into a new one of its own."""
    above, index = parent_of(operation.path)
    for place in (int(index) - 1, int(index) + 1):
        beside = f"{above}[{place}]"
        node = look_up(change.definition, inner_path(change.definition, beside))
        if place >= 0 and is_group(node):
            _move(change, Operation("move", operation.path, beside, index=len(node["children"])))
            return
    node = look_up(change.definition, operation.path)
    change.definition = put(change.definition, operation.path, {"type": "or", "children": [node]})
    change.focus = f"{operation.path}.children[0]"
    change.words = _("moved into a new group")


def _out(change: Change, operation: Operation) -> None:
    """Move a node out of its group, behind it."""
    group = group_of(change.definition, operation.path)
    outer, (_above, index) = group_of(change.definition, group), parent_of(group)
    _move(change, Operation("move", operation.path, outer, index=int(index) + 1))


# Fields of leaves.


def _set(change: Change, operation: Operation) -> None:
    """Set a field. What depends on it follows."""
    value = read_value(operation.value, operation.kind)
    if not operation.path:
        change.definition = value
        return
    above, name = parent_of(operation.path)
    holder = look_up(change.definition, above)
    if name == "operator":
        set_operator(holder, str(value))
        drop_folding(holder)
    elif name == "aggregate":
        _set_aggregate(holder, str(value))
    else:
        put(change.definition, operation.path, value)


def read_value(text: str, kind: str) -> Any:
    """Return what somebody typed as a value of this kind; text where it is no such value."""
    match kind:
        case "number":
            try:
                value = exact_json.read(text.strip().replace(",", ".").encode(errors="replace"))
            except exact_json.UnreadableJSON:
                return text
            return value if not isinstance(value, bool | dict | list) else text
        case "flag":
            return text == "true"
        case "json":
            return exact_json.read(text.encode(errors="replace"))
        case _:
            return exact_json.composed(text)


def drop_folding(leaf: dict[str, Any]) -> None:
    operator = str(leaf.get("operator", "")).removeprefix("not_")
    for name, operators in FOLDING_OPERATORS.items():
        if operator not in operators:
            leaf.pop(name, None)


def _set_aggregate(leaf: dict[str, Any], aggregate: str) -> None:
    former = subject_of(leaf)
    leaf["aggregate"] = aggregate
    if aggregate in PROPERTY_AGGREGATES:
        leaf.setdefault("property", "")
    else:
        leaf.pop("property", None)
    if subject_of(leaf) is not former:
        leaf.pop("value", None)
        set_operator(leaf, first_operator(subject_of(leaf), leaf.get("operator", "")))
        drop_folding(leaf)


def _append_item(change: Change, operation: Operation) -> None:
    """Put an item at the end of a list: what was typed, or a new one of a list of objects."""
    items = look_up(change.definition, operation.path)
    field = parent_of(operation.path)[1]
    typed = read_value(operation.value, operation.kind)
    items.append(deepcopy(USUAL_ITEMS.get(str(field), typed)))
    # An item that was never filled in gives way to the first one that is.
    if typed and field not in USUAL_ITEMS and "" in items:
        items.remove("")
    change.focus = operation.path


def _rename(change: Change, operation: Operation) -> None:
    """Give the last step of a path another name: the unit of a duration."""
    above, name = parent_of(operation.path)
    holder = look_up(change.definition, above)
    holder[operation.value] = holder.pop(name)
    change.focus = above


def _with(change: Change, operation: Operation) -> None:
    """Give a leaf an optional field."""
    schema = field_schema(change.definition, operation.path)
    put(change.definition, operation.path, new_field(schema))


def _reshape_window(change: Change, operation: Operation) -> None:
    windows: Mapping[str, Any] = {
        "last": {"last": {"days": 90}},
        "between_ago": {"between_ago": [{"days": 90}, {"days": 30}]},
        "this": {"this": "month"},
        "previous": {"previous": "month"},
        "from": {"from": "2026-01-01"},
        "to": {"to": "2026-12-31"},
        "range": {"from": "2026-01-01", "to": "2026-12-31"},
    }
    put(change.definition, operation.path, deepcopy(windows[operation.value]))


def _retype(change: Change, operation: Operation) -> None:
    """Make a value text, a number, or true or false."""
    value = look_up(change.definition, operation.path)
    blank: Mapping[str, Any] = {"text": "", "number": 0, "flag": True}
    if operation.value == "text" and not isinstance(value, bool):
        put(change.definition, operation.path, str(value))
    else:
        typed = read_value(str(value), operation.value)
        is_right = operation.value == "number" and not isinstance(typed, str)
        put(change.definition, operation.path, typed if is_right else blank[operation.value])


OPERATIONS: Mapping[str, Callable[[Change, Operation], None]] = {
    "group": _set_group,
    "negate": _negate,
    "add": _add,
    "insert": _insert,
    "remove": _remove,
    "double": _double,
    "move": _move,
    "up": _up,
    "down": _down,
    "in": _into,
    "out": _out,
    "set": _set,
    "append": _append_item,
    "rename": _rename,
    "with": _with,
    "window": _reshape_window,
    "retype": _retype,
}
