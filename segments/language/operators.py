"""Reading the tests of a definition: the closed table of operators and their operands."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

from segments.language import nodes
from segments.language.nodes import OtherTrait, Test
from segments.language.operands import (
    definition_error,
    join_path,
    list_words,
    read_boolean,
    read_choice,
    read_count,
    read_duration,
    read_fields,
    read_iso,
    read_items,
    read_number,
    read_other_trait,
    read_scalar,
    read_text,
)
from segments.language.patterns import SUBSET_DESCRIPTION, PatternError, canonical_pattern

MAX_AGE = 150
MAX_LENGTH = 1_000_000
# The operators that have a `not_` form.
NEGATABLE = (
    "exists",
    "equals",
    "in",
    "contains",
    "starts_with",
    "ends_with",
    "matches",
    "between",
    "in_last",
    "includes",
)
# The operators that take `ignore_case`.
CASE_OPERATORS = {"equals", "in", "contains", "starts_with", "ends_with", "matches"}


class ValueKind(Enum):
    """What an operator tests, which decides which operators there are."""

    TRAIT = "trait"
    FIELD = "field"
    NUMBER = "number"
    MOMENT = "moment"


@dataclass(frozen=True, slots=True)
class Operand:
    """An operand in JSON, with its place in the definition and the operator that it belongs to."""

    value: object
    path: str
    subject: ValueKind
    operator: str
    ignore_case: bool

    def other_trait(self) -> OtherTrait | None:
        """Return the trait that the operand names; None if it is a plain value.

        Raises DefinitionError where something other than a trait is compared with a trait.
        """
        if not isinstance(self.value, dict):
            return None
        if self.subject is not ValueKind.TRAIT:
            raise definition_error(
                self.path, "type", 'Only a trait can be compared with {"trait": …}.'
            )
        return read_other_trait(self.value, self.path)


def read_test(fields: Mapping[str, Any], path: str, subject: ValueKind) -> tuple[Test, bool]:
    """Return the test of `operator`, `value` and `ignore_case`, and whether it is negated."""
    names = operators_of(subject)
    full_name = read_choice(fields["operator"], join_path(path, "operator"), names)
    is_negated = full_name.startswith("not_")
    operator = full_name.removeprefix("not_")
    ignore_case = _read_ignore_case(fields, path, operator)
    if operator == "exists":
        # Refuses a value as an unknown field: this operator takes none.
        read_fields({name: None for name in fields if name == "value"}, path, ())
        return nodes.Exists(), is_negated
    if "value" not in fields:
        raise definition_error(join_path(path, "value"), "required", "This operator takes a value.")
    operand = Operand(fields["value"], join_path(path, "value"), subject, operator, ignore_case)
    return READERS[operator](operand), is_negated


def operators_of(subject: ValueKind) -> list[str]:
    """Return the names of the operators for a subject, including the negated ones."""
    match subject:
        case ValueKind.NUMBER:
            plain = ["exists", "equals", "between", *nodes.Comparison]
        case ValueKind.MOMENT:
            plain = ["exists", "before", "after", "in_last"]
        case _:
            plain = ["exists", *READERS]
    return [*plain, *(f"not_{name}" for name in NEGATABLE if name in plain)]


def _read_ignore_case(fields: Mapping[str, Any], path: str, operator: str) -> bool:
    if "ignore_case" not in fields:
        return False
    field_path = join_path(path, "ignore_case")
    if operator not in CASE_OPERATORS:
        detail = f"Only for operators on text: {list_words(CASE_OPERATORS)}."
        raise definition_error(field_path, "invalid", detail)
    return read_boolean(fields["ignore_case"], field_path)


def _read_equals(operand: Operand) -> Test:
    if (other := operand.other_trait()) is not None:
        return nodes.Equals(other, operand.ignore_case)
    if operand.subject is ValueKind.NUMBER:
        return nodes.Equals(read_number(operand.value, operand.path))
    value = read_scalar(operand.value, operand.path)
    if operand.ignore_case and not isinstance(value, str):
        raise definition_error(operand.path, "type", "With ignore_case this must be text.")
    return nodes.Equals(value, operand.ignore_case)


def _read_one_of(operand: Operand) -> Test:
    items = read_items(operand.value, operand.path)
    texts = tuple(read_text(item, f"{operand.path}[{index}]") for index, item in enumerate(items))
    return nodes.OneOf(texts, operand.ignore_case)


def _read_text_test(operand: Operand) -> Test:
    value = operand.other_trait() or read_text(operand.value, operand.path)
    return nodes.TextTest(nodes.TextOperator(operand.operator), value, operand.ignore_case)


def _read_matches(operand: Operand) -> Test:
    pattern = read_text(operand.value, operand.path)
    try:
        return nodes.Matches(
            canonical_pattern(pattern, lower=operand.ignore_case), operand.ignore_case
        )
    except PatternError as error:
        detail = f"Not in the allowed subset: {error}. Allowed: {SUBSET_DESCRIPTION}."
        raise definition_error(operand.path, "pattern", detail) from None


def _read_compare(operand: Operand) -> Test:
    value = operand.other_trait() or read_number(operand.value, operand.path)
    return nodes.Compare(nodes.Comparison(operand.operator), value)


def _read_between(operand: Operand) -> Test:
    low, high = _read_pair(operand)
    numbers = read_number(low, f"{operand.path}[0]"), read_number(high, f"{operand.path}[1]")
    _refuse_reversed(*numbers, operand.path)
    return nodes.Between(*numbers)


def _read_age_between(operand: Operand) -> Test:
    low, high = _read_pair(operand)
    ages = (
        read_count(low, f"{operand.path}[0]", low=0, high=MAX_AGE),
        read_count(high, f"{operand.path}[1]", low=0, high=MAX_AGE),
    )
    _refuse_reversed(*ages, operand.path)
    return nodes.AgeBetween(*ages)


def _read_pair(operand: Operand) -> list[object]:
    if not isinstance(operand.value, list) or len(operand.value) != 2:
        raise definition_error(
            operand.path, "type", "This must be a list of two: the lower and the upper end."
        )
    return operand.value


def _refuse_reversed(low: Decimal | int, high: Decimal | int, path: str) -> None:
    if low > high:
        raise definition_error(path, "invalid", "The lower end comes first.")


def _read_before(operand: Operand) -> Test:
    return nodes.Before(operand.other_trait() or read_iso(operand.value, operand.path))


def _read_after(operand: Operand) -> Test:
    return nodes.After(operand.other_trait() or read_iso(operand.value, operand.path))


def _read_in_last(operand: Operand) -> Test:
    return nodes.InLast(read_duration(operand.value, operand.path))


def _read_includes(operand: Operand) -> Test:
    value = read_scalar(operand.value, operand.path)
    return nodes.Includes(nodes.Quantifier.ANY, (value,))


def _read_includes_list(operand: Operand) -> Test:
    items = read_items(operand.value, operand.path)
    values = tuple(
        read_scalar(item, f"{operand.path}[{index}]") for index, item in enumerate(items)
    )
    return nodes.Includes(nodes.Quantifier(operand.operator.removeprefix("includes_")), values)


def _read_length(operand: Operand) -> Test:
    count = read_count(operand.value, operand.path, low=0, high=MAX_LENGTH)
    return nodes.Length(nodes.LengthOperator(operand.operator), count)


# By operator, without `exists`, which has no operand.
READERS: Mapping[str, Callable[[Operand], Test]] = {
    "equals": _read_equals,
    "in": _read_one_of,
    **dict.fromkeys(nodes.TextOperator, _read_text_test),
    "matches": _read_matches,
    **dict.fromkeys(nodes.Comparison, _read_compare),
    "between": _read_between,
    "before": _read_before,
    "after": _read_after,
    "in_last": _read_in_last,
    "age_between": _read_age_between,
    "includes": _read_includes,
    **{f"includes_{quantifier}": _read_includes_list for quantifier in nodes.Quantifier},
    **dict.fromkeys(nodes.LengthOperator, _read_length),
}
