"""New leaves, groups and fields, made from the schema of the language.

Invariant: a kind of leaf that the language gains can be added without a change here; `USUAL` only
says what most people want of a known one.
"""

from functools import cache
from typing import Any

from segments.admin.builder.paths import look_up, split_path
from segments.language.schema import Schema, definition_schema
from segments.language.shapes import Shape, blank_operand, first_operator, shape_of, subject_of

# Where trees stand, by the name of their schema: the definition, and what is inside of leaves.
TREES = ("node", "where", "element", "account")
GROUPS = ("and", "or", "not", "at_least")
USUAL: dict[str, dict[str, Any]] = {
    "event": {"operator": "gte", "value": 1, "window": {"last": {"days": 90}}},
    "consent": {"permitted": True},
    "regular": {"period": "month", "at_least": 3, "of": 4},
    "sequence": {"steps": [{"name": ""}, {"name": "", "within": {"days": 3}}]},
    "bucket": {"salt": "a", "from": 0, "to": 50},
    "geo": {"within_km": 20, "of": [45.764, 4.8357]},
    "rank": {"top": 10, "window": {"last": {"days": 365}}},
    "session": {"operator": "gte", "value": 1, "window": {"last": {"days": 30}}},
    "time": {"part": "hour", "operator": "between", "value": [18, 23]},
}
# What a new tree has to begin with.
FIRST_LEAVES = {"node": "everyone", "where": "property", "element": "property", "account": "trait"}
USUAL_ITEMS: dict[str, Any] = {"steps": {"name": "", "within": {"days": 3}}}


@cache
def definitions() -> Schema:
    schema: Schema = definition_schema()["$defs"]
    return schema


@cache
def leaf_schemas(tree: str) -> dict[str, Schema]:
    """Return the schema of each kind of leaf that a tree can have, in the order of the language."""
    return {
        kind: schema
        for schema in definitions()[tree]["oneOf"]
        for kind in schema["properties"]["type"]["enum"]
        if kind not in GROUPS
    }


def resolve(schema: Schema) -> tuple[str, Schema]:
    """Return the name of a schema, empty if it has none, and the schema itself."""
    name = schema.get("$ref", "").rpartition("/")[2]
    return (name, definitions()[name]) if name else ("", schema)


def variant_of(schema: Schema, value: Any) -> Schema:
    """Return which of the forms of a schema a value has. Raises LookupError for another one."""
    _name, schema = resolve(schema)
    if "oneOf" not in schema:
        return schema
    for form in schema["oneOf"]:
        kinds = form["properties"].get("type", {}).get("enum")
        if value.get("type") in kinds if kinds else value.keys() <= form["properties"].keys():
            return dict(form)
    raise LookupError(value)


def field_schema(definition: Any, path: str) -> Schema:
    """Return the schema of a field of a leaf, which need not be there. Raises LookupError."""
    schema: Schema = {"$ref": "#/$defs/node"}
    for step in split_path(path):
        schema = variant_of(schema, definition)
        schema = schema["items"] if isinstance(step, int) else schema["properties"][step]
        definition = look_up(definition, f"[{step}]" if isinstance(step, int) else step)
    return schema


def new_leaf(kind: str, tree: str = "node") -> dict[str, Any]:
    """Return a leaf of this kind with its required fields, of which texts are empty."""
    schema = leaf_schemas(tree)[kind]
    leaf: dict[str, Any] = {"type": kind} | USUAL.get(kind, {})
    for name in schema["required"]:
        if name not in leaf and name != "operator":
            leaf[name] = new_field(schema["properties"][name])
    if "operator" in schema["properties"] and "operator" not in leaf:
        set_operator(leaf, first_operator(subject_of(leaf)))
    return leaf


def set_operator(leaf: dict[str, Any], operator: str) -> None:
    """Give a leaf an operator, and an operand of its shape where the present one has another."""
    former = leaf.get("operator", "")
    leaf["operator"] = operator
    if shape_of(operator) is Shape.NOTHING:
        leaf.pop("value", None)
    elif "value" not in leaf or shape_of(former) is not shape_of(operator):
        leaf["value"] = blank_operand(operator, subject_of(leaf))


def new_field(schema: Schema) -> Any:
    """Return a first value of a field: what the schema suggests, else the least of its type."""
    name, schema = resolve(schema)
    if name in TREES:
        return new_leaf(FIRST_LEAVES[name], name)
    if name in NAMED:
        return NAMED[name]()
    if "enum" in schema:
        return schema.get("default", schema["enum"][0])
    match schema.get("type"):
        case "string":
            return ""
        case "number" | "integer":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "array":
            return [new_field(schema["items"]) for _ in range(schema.get("minItems", 1))]
        case "object":
            inner = schema.get("properties", {})
            return {key: new_field(inner[key]) for key in schema.get("required", ())}
        case _:
            return ""


NAMED: dict[str, Any] = {
    "duration": lambda: {"days": 30},
    "window": lambda: {"last": {"days": 90}},
    "operand": lambda: "",
}
