"""The language of segments as a JSON Schema (2020-12), for editors and authors of definitions.

Invariant: whatever the parser accepts is valid here. The parser is stricter, since it also checks
which operand an operator takes.
"""

from typing import Any

from segments.language.nodes import Aggregate, Kind, Unit
from segments.language.operands import MAX_COUNTS, MAX_KEY_LENGTH, MAX_LIST_LENGTH
from segments.language.operators import ValueKind, operators_of
from segments.language.parser import MAX_NODES

Schema = dict[str, Any]
KEY: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_KEY_LENGTH,
    "description": r"Dots go into objects; \. is a literal dot.",
}
TIME: Schema = {"type": "string", "description": "A date or a date and time in ISO 8601."}
SCALAR: Schema = {"type": ["string", "number", "boolean"]}


def definition_schema() -> Schema:
    """Return the schema of a whole definition."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Segment definition",
        "$ref": "#/$defs/node",
        "$defs": {
            "node": {"oneOf": [*_group_schemas("node"), *_leaf_schemas()]},
            "where": {"oneOf": [*_group_schemas("where"), _field_schema()]},
            "duration": _duration_schema(),
            "window": _window_schema(),
            "operand": _operand_schema(),
        },
    }


def _object_schema(
    kind: str | list[str], required: Schema, optional: Schema | None = None
) -> Schema:
    kinds = [kind] if isinstance(kind, str) else kind
    return {
        "type": "object",
        "properties": {"type": {"enum": kinds}, **required, **(optional or {})},
        "required": ["type", *required],
        "additionalProperties": False,
    }


def _group_schemas(member: str) -> list[Schema]:
    child: Schema = {"$ref": f"#/$defs/{member}"}
    children: Schema = {"type": "array", "items": child, "minItems": 1, "maxItems": MAX_NODES}
    count: Schema = {"type": "number", "minimum": 1, "multipleOf": 1}
    return [
        _object_schema(["and", "or"], {"children": children}),
        _object_schema("not", {"child": child}),
        _object_schema("at_least", {"count": count, "children": children}),
    ]


def _leaf_schemas() -> list[Schema]:
    text: Schema = {"type": "string", "minLength": 1}
    return [
        _object_schema(
            "trait", {"key": KEY, **_operator_property(ValueKind.TRAIT)}, _test_properties()
        ),
        _event_schema(),
        _object_schema("segment", {"key": text}),
        _object_schema("consent", {"purpose": text, "permitted": {"type": "boolean"}}),
        _object_schema("everyone", {}),
    ]


def _event_schema() -> Schema:
    operators = {*operators_of(ValueKind.NUMBER), *operators_of(ValueKind.MOMENT)}
    name: Schema = {"type": "string", "minLength": 1, "description": 'Exact; "*" is any event.'}
    return _object_schema(
        "event",
        {"name": name, "operator": {"enum": sorted(operators)}},
        {
            "kind": {"enum": list(Kind), "description": 'track by default; with "*" any.'},
            "aggregate": {"enum": list(Aggregate), "default": Aggregate.COUNT},
            "property": KEY,
            "value": {"$ref": "#/$defs/operand"},
            "window": {"$ref": "#/$defs/window"},
            "where": {"$ref": "#/$defs/where"},
        },
    )


def _field_schema() -> Schema:
    return _object_schema(
        ["property", "context"],
        {"key": KEY, **_operator_property(ValueKind.FIELD)},
        _test_properties(),
    )


def _operator_property(subject: ValueKind) -> Schema:
    return {"operator": {"enum": operators_of(subject)}}


def _test_properties() -> Schema:
    return {"value": {"$ref": "#/$defs/operand"}, "ignore_case": {"type": "boolean"}}


def _operand_schema() -> Schema:
    other_trait = {
        "type": "object",
        "properties": {"trait": KEY},
        "required": ["trait"],
        "additionalProperties": False,
    }
    many = {"type": "array", "items": SCALAR, "minItems": 1, "maxItems": MAX_LIST_LENGTH}
    return {"anyOf": [SCALAR, many, {"$ref": "#/$defs/duration"}, other_trait]}


def _duration_schema() -> Schema:
    counts: Schema = {
        unit: {"type": "number", "minimum": 1, "maximum": MAX_COUNTS[unit], "multipleOf": 1}
        for unit in Unit
    }
    return {
        "type": "object",
        "properties": counts,
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
    }


def _window_schema() -> Schema:
    last: Schema = {"last": {"$ref": "#/$defs/duration"}}
    ends: Schema = {"from": TIME, "to": TIME}
    return {
        "oneOf": [
            {
                "type": "object",
                "properties": properties,
                "minProperties": 1,
                "additionalProperties": False,
            }
            for properties in (last, ends)
        ]
    }
