"""Which shape the operand of each operator has, for whoever fills it in piece by piece.

Invariant: `blank_operand` has the shape that the reader of its operator accepts; texts are empty.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from segments.language import nodes
from segments.language.events import SUBJECTS
from segments.language.nodes import Aggregate
from segments.language.operators import (
    CALENDAR_DATES,
    COMPARED_DATES,
    RELATIVE_DATES,
    ValueKind,
    operators_of,
)


class Shape(StrEnum):
    NOTHING = "nothing"
    SCALAR = "scalar"
    SCALARS = "scalars"
    TEXT = "text"
    NUMBER = "number"
    # Two numbers or two dates, and two whole years.
    RANGE = "range"
    AGES = "ages"
    COUNT = "count"
    DATE = "date"
    DURATION = "duration"
    UNIT = "unit"


SHAPES: Mapping[str, Shape] = {
    "exists": Shape.NOTHING,
    "equals": Shape.SCALAR,
    "in": Shape.SCALARS,
    **dict.fromkeys(nodes.TextOperator, Shape.TEXT),
    "matches": Shape.TEXT,
    **dict.fromkeys(nodes.Comparison, Shape.NUMBER),
    "between": Shape.RANGE,
    **dict.fromkeys(COMPARED_DATES, Shape.DATE),
    **dict.fromkeys(RELATIVE_DATES, Shape.DURATION),
    **dict.fromkeys(CALENDAR_DATES, Shape.UNIT),
    **dict.fromkeys(("age_gte", "age_lte"), Shape.COUNT),
    "age_between": Shape.AGES,
    "includes": Shape.SCALAR,
    **{f"includes_{quantifier}": Shape.SCALARS for quantifier in nodes.Quantifier},
    **dict.fromkeys(nodes.LengthOperator, Shape.COUNT),
}
# Of leaves that have one kind of value; that of an event depends on its aggregate.
SUBJECT_BY_TYPE = {
    "trait": ValueKind.TRAIT,
    "identifier": ValueKind.TEXT,
    "property": ValueKind.FIELD,
    "context": ValueKind.FIELD,
    "time": ValueKind.PART,
    "key": ValueKind.TEXT,
}


def shape_of(operator: str) -> Shape:
    """Return the shape of an operator's operand; of an unknown operator, that of any value."""
    return SHAPES.get(operator.removeprefix("not_"), Shape.SCALAR)


def subject_of(leaf: Mapping[str, Any]) -> ValueKind:
    """Return what the test of a leaf in JSON tests, whether the leaf is valid or not."""
    if (subject := SUBJECT_BY_TYPE.get(str(leaf.get("type")))) is not None:
        return subject
    aggregate: Any = str(leaf.get("aggregate", Aggregate.COUNT))
    return SUBJECTS.get(aggregate, ValueKind.NUMBER)


def blank_operand(operator: str, subject: ValueKind) -> Any:
    """Return a first operand of an operator that has one."""
    is_numeric = subject in (ValueKind.NUMBER, ValueKind.PART)
    scalar: Any = 1 if is_numeric else ""
    match shape_of(operator):
        case Shape.SCALARS:
            return [scalar]
        case Shape.NUMBER | Shape.COUNT:
            return 1
        case Shape.RANGE:
            is_moment = subject is ValueKind.MOMENT
            return ["2026-01-01", "2026-12-31"] if is_moment else [1, 10]
        case Shape.AGES:
            return [30, 40]
        case Shape.DATE:
            return "2026-01-01"
        case Shape.DURATION:
            return {"days": 30}
        case Shape.UNIT:
            return str(nodes.CalendarUnit.MONTH)
        case Shape.TEXT:
            return ""
        case _:
            return scalar


def first_operator(subject: ValueKind, wanted: str = "") -> str:
    """Return the wanted operator if the subject has it, else the one that is usual for it."""
    names = operators_of(subject)
    usual = {ValueKind.NUMBER: "gte", ValueKind.MOMENT: "in_last", ValueKind.PART: "between"}
    return wanted if wanted in names else usual.get(subject, "equals")
