"""A definition as what is shown of it: groups, leaves as sentences, and the widget of each field.

Invariant: whatever the schema of the language has gets a widget, and a definition with faults is
shown as far as it goes.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from segments.admin.builder.blanks import TREES, leaf_schemas, resolve
from segments.admin.builder.groups import (
    GROUP_KINDS,
    domain_of,
    group_kind,
    inner_path,
    is_group,
    tree_of,
)
from segments.admin.builder.labels import (
    CHOICES,
    OFFERED,
    OPERATORS,
    PARTIES,
    TITLES,
    TYPES,
    WINDOWS,
    label_of,
    lead_of,
    title_of,
)
from segments.admin.builder.labels import GROUPS as GROUP_LABELS
from segments.admin.builder.paths import join_steps, look_up, split_path
from segments.admin.builder.tree import Choices, Field, Node
from segments.admin.forms import FIELD_ORDER
from segments.language.nodes import CalendarUnit, Unit
from segments.language.operands import Fault
from segments.language.operators import FOLDING_OPERATORS, ValueKind, operators_of
from segments.language.schema import Schema
from segments.language.shapes import SUBJECT_BY_TYPE, Shape, shape_of, subject_of

# The order of the fields of leaves that read better in another one than FIELD_ORDER.
ORDERS: Mapping[str, Sequence[str]] = {
    "event": ("aggregate", "property", "name", "operator", "value", "window", "kind", "where"),
    "regular": ("name", "kind", "at_least", "of", "period", "where"),
    "sequence": ("name", "within", "same", "absent", "kind", "where", "steps", "window"),
    "bucket": ("salt", "from", "to"),
    "session": ("aggregate", "property", "operator", "value", "window", "where"),
    "rank": ("top", "aggregate", "property", "name", "window", "kind", "where"),
    "rfm": ("groups", "key"),
    "life_cycle": ("stages", "name", "kind", "where"),
    "geo": ("key", "within_km", "of"),
}
# Fields that come and go with another one.
DEPENDENT = ("value", "property", "aggregate", *FOLDING_OPERATORS)
# Fields for whose texts the store has suggestions; see `suggestions`.
SUGGESTED = ("key", "name", "property", "purpose", "namespace", "value", "trait", "of_first")


def outline(definition: Any, faults: Sequence[Fault] = (), warnings: Sequence[Fault] = ()) -> Node:
    """Return what is shown of a definition, with each fault at the innermost node it lies in."""
    root = make_node(definition, "")
    by_depth = sorted(root.walk(), key=lambda node: -len(split_path(node.inside)))
    for fault, is_warning in [(f, False) for f in faults] + [(w, True) for w in warnings]:
        steps = split_path(fault.path)
        for node in by_depth:
            inside = split_path(node.inside)
            if steps[: len(inside)] == inside:
                (node.warnings if is_warning else node.faults).append(fault)
                break
    return root


def make_node(definition: Any, path: str) -> Node:
    inside = inner_path(definition, path)
    node = look_up(definition, inside) if inside else definition
    domain = domain_of(path)
    if is_group(node):
        return _make_group(definition, node, path, inside, domain)
    kind = str(node.get("type", "")) if isinstance(node, dict) else ""
    schema = leaf_schemas(tree_of(definition, path)).get(kind)
    is_denied = isinstance(node, dict) and node.get("permitted") is False
    made = Node(
        path=path,
        inside=inside,
        kind=kind,
        title=title_of(kind),
        is_negated=inside != path or is_denied,
        domain=domain,
        palette=palette_of(tree_of(definition, path)) if path == domain else (),
    )
    if schema is not None:
        made.fields = list(_fields_of(definition, node, inside, schema, kind))
        made.extras = list(_extras_of(node, inside, schema, kind))
    return made


def _make_group(definition: Any, node: Any, path: str, inside: str, domain: str) -> Node:
    children = node["children"] if isinstance(node["children"], list) else []
    place = join_steps([*split_path(inside), "children"])
    kind = group_kind(definition, path)
    return Node(
        path=path,
        inside=inside,
        kind=kind,
        title=label_of(GROUP_LABELS, kind),
        is_group=True,
        domain=domain,
        count=node.get("count", ""),
        children=[make_node(definition, f"{place}[{n}]") for n in range(len(children))],
        palette=palette_of(tree_of(definition, path)),
        choices=[(name, label_of(GROUP_LABELS, name)) for name in GROUP_KINDS],
    )


def palette_of(tree: str) -> Choices:
    """Return what can be added to a tree: every kind of leaf of the language, the usual first."""
    kinds = list(leaf_schemas(tree))
    known = [name for name in TITLES if name.partition(":")[0] in kinds]
    return [(name, title_of(name)) for name in [*known, *(k for k in kinds if k not in TITLES)]]


def _ordered(names: Sequence[str], kind: str) -> list[str]:
    order = [*ORDERS.get(kind, ()), *FIELD_ORDER]
    return sorted(names, key=lambda name: order.index(name) if name in order else len(order))


def _fields_of(
    definition: Any, holder: Any, path: str, schema: Schema, kind: str
) -> Iterator[Field]:
    """Yield the widgets of the fields that a leaf, or an object in it, has."""
    properties = {**schema["properties"]}
    if "value" in holder and "value" not in properties and "operator" in properties:
        properties["value"] = {"$ref": "#/$defs/operand"}
    for name in _ordered(list(properties), kind):
        place = f"{path}.{name}" if path else name
        if name in ("type", "permitted"):
            continue
        if name not in holder and name != "aggregate":
            continue
        value = holder.get(name, "count")
        made = _make_field(definition, holder, place, value, properties[name], kind)
        # "has done Order Completed", but "has sum of revenue of Order Completed".
        is_plain = name == "name" and holder.get("aggregate", "count") == "count"
        made.lead = "" if is_plain and kind == "event" else lead_of(kind, name)
        is_required = name in schema.get("required", ()) or name in ("value", "aggregate")
        made.is_optional = not is_required and not (name == "property" and "aggregate" in holder)
        yield made


def _make_field(
    definition: Any, holder: Any, path: str, value: Any, schema: Schema, kind: str
) -> Field:
    """Return the widget of one value by its schema."""
    name, schema = resolve(schema)
    field_name = str(split_path(path)[-1]) if path else ""
    if name in TREES:
        return Field("tree", path, node=make_node(definition, path))
    if name == "duration":
        return _duration(path, value)
    if name == "window":
        return _window(path, value)
    if name == "operand":
        return _operand(path, value, holder)
    if field_name == "operator":
        return _operator(path, value, holder, schema)
    if "enum" in schema:
        words = PARTIES if field_name == "party" else CHOICES
        choices = [(one, label_of(words, one)) for one in schema["enum"]]
        return Field("select", path, value, choices=choices)
    match schema.get("type"):
        case "number" | "integer":
            return Field("number", path, value, kind="number")
        case "boolean":
            return Field("flag", path, value, kind="flag")
        case "array":
            return _array(definition, path, value, schema, kind)
        case "object":
            inner = _fields_of(definition, value, path, schema, kind)
            return Field("object", path, parts=list(inner))
        case _:
            return Field("text", path, value, is_suggested=field_name in SUGGESTED)


def _array(definition: Any, path: str, value: Any, schema: Schema, kind: str) -> Field:
    items = value if isinstance(value, list) else []
    _name, item_schema = resolve(schema["items"])
    parts = []
    for number, item in enumerate(items):
        place = f"{path}[{number}]"
        if item_schema.get("type") == "object" and isinstance(item, dict):
            inner = list(_fields_of(definition, item, place, item_schema, kind))
            made = Field("object", place, parts=inner)
            made.choices = list(_extras_of(item, place, item_schema, kind))
        else:
            made = _make_field(definition, item, place, item, item_schema, kind)
        parts.append(made)
    is_fixed = schema.get("minItems") == schema.get("maxItems")
    least, most = schema.get("minItems", 0), schema.get("maxItems", len(items) + 1)
    return Field(
        "fixed" if is_fixed else "items",
        path,
        parts=parts,
        kind="json" if item_schema.get("type") == "object" else "text",
        choices=[("less", len(items) > least), ("more", len(items) < most)],
    )


def _operator(path: str, value: Any, holder: Any, schema: Schema) -> Field:
    """Return a select of the operators that suit what the leaf tests."""
    is_known = holder.get("type") in SUBJECT_BY_TYPE or "aggregate" in schema or "name" in holder
    allowed = set(schema.get("enum", ()))
    names = operators_of(subject_of(holder)) if is_known else list(schema.get("enum", ()))
    choices = [name for name in names if not allowed or name in allowed]
    options = choices if value in choices else [value, *choices]
    return Field("select", path, value, choices=[(n, label_of(OPERATORS, n)) for n in options])


def _duration(path: str, value: Any) -> Field:
    unit, count = next(iter(value.items())) if isinstance(value, dict) and value else ("days", 1)
    place = f"{path}.{unit}"
    units = [(str(name), label_of(CHOICES, name)) for name in Unit]
    return Field(
        "duration",
        place,
        parts=[
            Field("number", place, count, kind="number"),
            Field("unit", place, unit, "", "text", units),
        ],
    )


def _window(path: str, value: Any) -> Field:
    keys = set(value) if isinstance(value, dict) else set()
    form = "range" if keys == {"from", "to"} else next(iter(keys), "last")
    choices = [(name, label_of(WINDOWS, name)) for name in WINDOWS]
    parts: list[Field] = []
    for name, inner in value.items() if isinstance(value, dict) else ():
        place = f"{path}.{name}"
        if name == "last":
            parts.append(_duration(place, inner))
        elif name == "between_ago" and isinstance(inner, list):
            parts += [_duration(f"{place}[{n}]", one) for n, one in enumerate(inner)]
        elif name in ("this", "previous"):
            parts.append(_unit(place, inner))
        else:
            parts.append(_date(place, inner))
    return Field("window", path, form, choices=choices, parts=parts)


def _unit(path: str, value: Any) -> Field:
    choices = [(str(unit), label_of(CHOICES, unit)) for unit in CalendarUnit]
    return Field("select", path, value, choices=choices)


def _date(path: str, value: Any) -> Field:
    return Field("date" if len(str(value)) == len("2026-03-15") else "text", path, value)


def _operand(path: str, value: Any, holder: Mapping[str, Any]) -> Field:
    """Return the widget of what a test compares with, by the shape that its operator takes."""
    if isinstance(value, dict) and set(value) == {"trait"}:
        other = Field("text", f"{path}.trait", value["trait"], is_suggested=True)
        return Field("other", path, parts=[other])
    match shape_of(str(holder.get("operator", ""))):
        case Shape.DURATION:
            return _duration(path, value)
        case Shape.UNIT:
            return _unit(path, value)
        case Shape.DATE:
            return _date(path, value)
        case Shape.NUMBER | Shape.COUNT:
            return Field("number", path, value, kind="number")
        case Shape.RANGE | Shape.AGES if isinstance(value, list):
            ends = [
                _date(f"{path}[{n}]", end)
                if isinstance(end, str) and end
                else Field("number", f"{path}[{n}]", end, kind="number")
                for n, end in enumerate(value)
            ]
            return Field("fixed", path, parts=ends)
        case Shape.SCALARS if isinstance(value, list):
            parts = [_scalar(f"{path}[{n}]", item, holder) for n, item in enumerate(value)]
            kind = parts[-1].kind if parts else "text"
            return Field("list", path, kind=kind, parts=parts, is_suggested=True)
        case _:
            return _scalar(path, value, holder)


def _scalar(path: str, value: Any, holder: Mapping[str, Any]) -> Field:
    """Return the widget of a single value, with a choice of its type where it may have several."""
    is_typed = subject_of(holder) not in (ValueKind.TRAIT, ValueKind.FIELD)
    is_free = shape_of(str(holder.get("operator", ""))) in (Shape.SCALAR, Shape.SCALARS)
    types = () if is_typed or not is_free else [(n, label_of(TYPES, n)) for n in TYPES]
    if isinstance(value, bool):
        return Field("flag", path, value, kind="flag", choices=types)
    if isinstance(value, str):
        return Field("text", path, value, choices=types, is_suggested=True)
    return Field("number", path, value, kind="number", choices=types)


def _extras_of(holder: Any, path: str, schema: Schema, kind: str) -> Iterator[tuple[str, Any]]:
    """Yield the optional fields that a leaf, or an object in it, does not have, by place."""
    operator = str(holder.get("operator", "")).removeprefix("not_")
    for name in _ordered(list(schema["properties"]), kind):
        is_open = name not in holder and name not in schema.get("required", ())
        if name in FOLDING_OPERATORS:
            is_text = isinstance(holder.get("value"), str | list)
            is_open = is_open and is_text and operator in FOLDING_OPERATORS[name]
            is_open = is_open and subject_of(holder) in (
                ValueKind.TRAIT,
                ValueKind.FIELD,
                ValueKind.TEXT,
            )
        elif name in DEPENDENT:
            is_open = False
        # The first step of a sequence follows none.
        if path.endswith("steps[0]") and name in ("within", "same", "absent"):
            is_open = False
        if is_open:
            label = OFFERED.get(name) or lead_of(kind, name) or label_of({}, name)
            yield (f"{path}.{name}" if path else name), label
