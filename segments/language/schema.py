"""The language of segments as a JSON Schema (2020-12), for editors and authors of definitions.

Invariant: whatever the parser accepts is valid here. The parser is stricter, since it also checks
which operand an operator takes.
"""

from enum import StrEnum
from typing import Any

from segments.language.events import MAX_PERIODS, SUBJECTS
from segments.language.measured import RANKED
from segments.language.nodes import (
    Aggregate,
    CalendarUnit,
    Group,
    Kind,
    Match,
    Party,
    SessionMeasure,
    Stage,
    TimePart,
    Unit,
)
from segments.language.operands import MAX_COUNTS, MAX_KEY_LENGTH, MAX_LIST_LENGTH
from segments.language.operators import FOLDING_OPERATORS, ValueKind, operators_of
from segments.language.people import MAX_KILOMETRES
from segments.language.sequences import MAX_STEPS
from segments.language.sessions import SESSION_AGGREGATES
from segments.language.trees import MAX_NODES
from segments.language.where import ZONES

Schema = dict[str, Any]
KEY: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_KEY_LENGTH,
    "description": r"Dots go into objects; \. is a literal dot.",
}
TIME: Schema = {"type": "string", "description": "A date or a date and time in ISO 8601."}
PERCENT: Schema = {"type": "number", "minimum": 0, "maximum": 100}
KILOMETRES: Schema = {"type": "number", "minimum": 0, "maximum": MAX_KILOMETRES}
POINT: Schema = {
    "type": "array",
    "items": {"type": "number"},
    "minItems": 2,
    "maxItems": 2,
    "description": "Latitude and longitude in degrees.",
}
SCALAR: Schema = {"type": ["string", "number", "boolean"]}


def definition_schema() -> Schema:
    """Return the schema of a whole definition."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Segment definition",
        "$ref": "#/$defs/node",
        "$defs": {
            "node": {"oneOf": [*_group_schemas("node"), *_leaf_schemas()]},
            "where": {"oneOf": [*_group_schemas("where"), *_where_schemas()]},
            "element": {"oneOf": [*_group_schemas("element"), *_element_schemas("property")]},
            "account": {"oneOf": [*_group_schemas("account"), *_account_schemas()]},
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
        *_sequence_schemas(),
        *_measured_schemas(),
        _session_schema(),
        _object_schema("segment", {"key": text}, {"entered_within": {"$ref": "#/$defs/duration"}}),
        _object_schema(
            "identifier",
            {"namespace": text, **_operator_property(ValueKind.TEXT)},
            _test_properties(),
        ),
        _object_schema("source", {"key": text}, {"seen_within": {"$ref": "#/$defs/duration"}}),
        _object_schema(
            "stated",
            {"party": {"enum": list(Party)}},
            {"key": KEY, "stated_within": {"$ref": "#/$defs/duration"}},
        ),
        _object_schema("list", {"key": text}),
        _object_schema("bucket", {"salt": text, "from": PERCENT, "to": PERCENT}),
        _object_schema("geo", {"key": KEY, "within_km": KILOMETRES, "of": POINT}),
        _object_schema("consent", {"purpose": text, "permitted": {"type": "boolean"}}),
        _object_schema(
            "account", {"match": {"enum": list(Match)}}, {"where": {"$ref": "#/$defs/account"}}
        ),
        _object_schema("everyone", {}),
    ]


def _event_schema() -> Schema:
    operators = {name for subject in SUBJECTS.values() for name in operators_of(subject)}
    name: Schema = {"type": "string", "minLength": 1, "description": 'Exact; "*" is any event.'}
    return _object_schema(
        "event",
        {"name": name, "operator": {"enum": sorted(operators)}},
        {
            "kind": {"enum": list(Kind), "description": 'track by default; with "*" any.'},
            "aggregate": {"enum": list(Aggregate), "default": Aggregate.COUNT},
            "property": KEY,
            **_test_properties(),
            "window": {"$ref": "#/$defs/window"},
            "where": {"$ref": "#/$defs/where"},
        },
    )


def _sequence_schemas() -> list[Schema]:
    name: Schema = {"type": "string", "minLength": 1}
    duration: Schema = {"$ref": "#/$defs/duration"}
    filters: Schema = {"kind": {"enum": list(Kind)}, "where": {"$ref": "#/$defs/where"}}
    keys: Schema = {"property": KEY, "of_first": KEY}
    same: Schema = {
        "type": "object",
        "properties": keys,
        "required": list(keys),
        "additionalProperties": False,
    }
    step: Schema = {
        "type": "object",
        "properties": {
            "name": name,
            **filters,
            "within": duration,
            "same": same,
            "absent": {"type": "boolean"},
        },
        "required": ["name"],
        "additionalProperties": False,
    }
    steps: Schema = {"type": "array", "items": step, "minItems": 2, "maxItems": MAX_STEPS}
    count: Schema = {"type": "number", "minimum": 1, "maximum": MAX_PERIODS, "multipleOf": 1}
    period: Schema = {"enum": list(CalendarUnit)}
    return [
        _object_schema("sequence", {"steps": steps}, {"window": {"$ref": "#/$defs/window"}}),
        _object_schema(
            "regular", {"name": name, "period": period, "at_least": count, "of": count}, filters
        ),
    ]


def _measured_schemas() -> list[Schema]:
    name: Schema = {"type": "string", "minLength": 1}
    filters: Schema = {"kind": {"enum": list(Kind)}, "where": {"$ref": "#/$defs/where"}}
    top: Schema = {"type": "number", "exclusiveMinimum": 0, "maximum": 100}
    quantity: Schema = {
        "aggregate": {"enum": list(RANKED), "default": Aggregate.COUNT},
        "property": KEY,
        "window": {"$ref": "#/$defs/window"},
    }
    return [
        _object_schema("rank", {"name": name, "top": top}, {**filters, **quantity}),
        _object_schema("rfm", {"key": name, "groups": _some_of(Group)}),
        _object_schema("life_cycle", {"name": name, "stages": _some_of(Stage)}, filters),
    ]


def _some_of(choices: type[StrEnum]) -> Schema:
    return {
        "type": "array",
        "items": {"enum": list(choices)},
        "minItems": 1,
        "maxItems": MAX_LIST_LENGTH,
    }


def _session_schema() -> Schema:
    return _object_schema(
        "session",
        {
            "operator": {"enum": operators_of(ValueKind.NUMBER)},
            "window": {"$ref": "#/$defs/window"},
        },
        {
            "aggregate": {"enum": list(SESSION_AGGREGATES), "default": Aggregate.COUNT},
            "property": {"enum": list(SessionMeasure)},
            "value": {"$ref": "#/$defs/operand"},
            "where": {"$ref": "#/$defs/where"},
        },
    )


def _where_schemas() -> list[Schema]:
    time: Schema = {"part": {"enum": list(TimePart)}, **_operator_property(ValueKind.PART)}
    return [
        *_element_schemas("property", "context"),
        _object_schema(
            "time", time, {"value": {"$ref": "#/$defs/operand"}, "zone": {"enum": list(ZONES)}}
        ),
    ]


def _account_schemas() -> list[Schema]:
    trait: Schema = {"key": KEY, **_operator_property(ValueKind.TRAIT)}
    return [
        _object_schema("trait", trait, _test_properties()),
        _object_schema("key", _operator_property(ValueKind.TEXT), _test_properties()),
    ]


def _element_schemas(*fields: str) -> list[Schema]:
    return [
        _object_schema(
            list(fields), {"key": KEY, **_operator_property(ValueKind.FIELD)}, _test_properties()
        ),
        _object_schema("any", {"key": KEY, "where": {"$ref": "#/$defs/element"}}),
    ]


def _operator_property(subject: ValueKind) -> Schema:
    return {"operator": {"enum": operators_of(subject)}}


def _test_properties() -> Schema:
    folding: Schema = {name: {"type": "boolean"} for name in FOLDING_OPERATORS}
    return {"value": {"$ref": "#/$defs/operand"}, **folding}


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
    duration: Schema = {"$ref": "#/$defs/duration"}
    unit: Schema = {"enum": list(CalendarUnit)}
    windows: list[Schema] = [
        {"last": duration},
        {"between_ago": {"type": "array", "items": duration, "minItems": 2, "maxItems": 2}},
        {"this": unit},
        {"previous": unit},
        {"from": TIME, "to": TIME},
    ]
    return {
        "oneOf": [
            {
                "type": "object",
                "properties": properties,
                "minProperties": 1,
                "additionalProperties": False,
            }
            for properties in windows
        ]
    }
