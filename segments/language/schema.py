"""The language of segments as a JSON Schema (2020-12), for editors and for those who write definitions.

Invariant: whatever the parser takes is valid here. The parser is stricter: it knows which operand suits which operator.
"""

from typing import Any

from segments.language.nodes import Aggregate, Kind, Unit
from segments.language.operands import LARGEST_COUNTS, LONGEST_KEY, LONGEST_LIST
from segments.language.operators import ValueKind, operators_of
from segments.language.parser import LARGEST

Schema = dict[str, Any]
KEY: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": LONGEST_KEY,
    "description": r"Dots go into objects; \. is a literal dot.",
}
TIME: Schema = {"type": "string", "description": "A date or a date and time in ISO 8601."}
SCALAR: Schema = {"type": ["string", "number", "boolean"]}


def definition_schema() -> Schema:
    """The schema of a whole definition."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Segment definition",
        "$ref": "#/$defs/node",
        "$defs": {
            "node": {"oneOf": [*_groups("node"), *_leaves()]},
            "where": {"oneOf": [*_groups("where"), _field()]},
            "duration": _duration(),
            "window": _window(),
            "operand": _operand(),
        },
    }


def _object(kind: str | list[str], required: Schema, optional: Schema | None = None) -> Schema:
    kinds = [kind] if isinstance(kind, str) else kind
    return {
        "type": "object",
        "properties": {"type": {"enum": kinds}, **required, **(optional or {})},
        "required": ["type", *required],
        "additionalProperties": False,
    }


def _groups(member: str) -> list[Schema]:
    child: Schema = {"$ref": f"#/$defs/{member}"}
    children: Schema = {"type": "array", "items": child, "minItems": 1, "maxItems": LARGEST}
    count: Schema = {"type": "number", "minimum": 1, "multipleOf": 1}
    return [
        _object(["and", "or"], {"children": children}),
        _object("not", {"child": child}),
        _object("at_least", {"count": count, "children": children}),
    ]


def _leaves() -> list[Schema]:
    text: Schema = {"type": "string", "minLength": 1}
    return [
        _object("trait", {"key": KEY, **_operator(ValueKind.TRAIT)}, _test()),
        _event(),
        _object("segment", {"key": text}),
        _object("consent", {"purpose": text, "permitted": {"type": "boolean"}}),
        _object("everyone", {}),
    ]


def _event() -> Schema:
    operators = {*operators_of(ValueKind.NUMBER), *operators_of(ValueKind.MOMENT)}
    name: Schema = {"type": "string", "minLength": 1, "description": 'Exact; "*" is any event.'}
    return _object(
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


def _field() -> Schema:
    return _object(["property", "context"], {"key": KEY, **_operator(ValueKind.FIELD)}, _test())


def _operator(subject: ValueKind) -> Schema:
    return {"operator": {"enum": operators_of(subject)}}


def _test() -> Schema:
    return {"value": {"$ref": "#/$defs/operand"}, "ignore_case": {"type": "boolean"}}


def _operand() -> Schema:
    other = {
        "type": "object",
        "properties": {"trait": KEY},
        "required": ["trait"],
        "additionalProperties": False,
    }
    many = {"type": "array", "items": SCALAR, "minItems": 1, "maxItems": LONGEST_LIST}
    return {"anyOf": [SCALAR, many, {"$ref": "#/$defs/duration"}, other]}


def _duration() -> Schema:
    counts: Schema = {
        unit: {"type": "number", "minimum": 1, "maximum": LARGEST_COUNTS[unit], "multipleOf": 1}
        for unit in Unit
    }
    return {
        "type": "object",
        "properties": counts,
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
    }


def _window() -> Schema:
    last: Schema = {"last": {"$ref": "#/$defs/duration"}}
    ends: Schema = {"from": TIME, "to": TIME}
    return {
        "oneOf": [
            {
                "type": "object",
                "properties": part,
                "minProperties": 1,
                "additionalProperties": False,
            }
            for part in (last, ends)
        ]
    }
