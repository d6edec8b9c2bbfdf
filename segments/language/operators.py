"""Reading the tests of a definition: the closed table of operators and their operands."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar, assert_never

from segments.language import nodes
from segments.language.nodes import Folding, OtherTrait, Scalar, Test
from segments.language.operands import (
    definition_error,
    join_path,
    list_words,
    read_boolean,
    read_calendar_unit,
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

Ordered = TypeVar("Ordered", Decimal, int, str)

MAX_AGE = 150
DATE_LENGTH = len("2026-03-15")
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
    "in_next",
    "includes",
)
# The operators that take `ignore_case` and `ignore_accents`. A pattern has ranges, of which nobody
# can say what they are without accents.
FOLDING_OPERATORS = {
    "ignore_case": {"equals", "in", "contains", "starts_with", "ends_with", "matches"},
    "ignore_accents": {"equals", "in", "contains", "starts_with", "ends_with"},
}
# The optional fields of a test.
TEST_FIELDS = ("value", *FOLDING_OPERATORS)
TEXT_OPERATORS = ["equals", "in", *nodes.TextOperator, "matches"]
NUMBER_OPERATORS = ["equals", "in", "between", *nodes.Comparison]
# Of an instant that is never after now.
MOMENT_OPERATORS = [
    *("before", "after", "on", "between", "in_last", "more_than_ago", "this", "previous")
]


class ValueKind(Enum):
    """What an operator tests, which decides which operators there are."""

    TRAIT = "trait"
    # Part of an event or of a list element, or the value that an aggregate chooses.
    FIELD = "field"
    TEXT = "text"
    NUMBER = "number"
    # A number that is never missing.
    PART = "part"
    # An instant that is never after now.
    MOMENT = "moment"


@dataclass(frozen=True, slots=True)
class Operand:
    """An operand in JSON, with its place in the definition and the operator that it belongs to."""

    value: object
    path: str
    subject: ValueKind
    operator: str
    folding: Folding

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
    """Return the test of `operator`, `value` and what it ignores, and whether it is negated."""
    names = operators_of(subject)
    full_name = read_choice(fields["operator"], join_path(path, "operator"), names)
    is_negated = full_name.startswith("not_")
    operator = full_name.removeprefix("not_")
    if subject in (ValueKind.NUMBER, ValueKind.PART, ValueKind.MOMENT):
        _refuse_folding(fields, path)
    folding = Folding(*(_read_ignored(name, fields, path, operator) for name in FOLDING_OPERATORS))
    if operator == "exists":
        # Refuses a value as an unknown field: this operator takes none.
        read_fields({name: None for name in fields if name == "value"}, path, ())
        return nodes.Exists(), is_negated
    if "value" not in fields:
        raise definition_error(join_path(path, "value"), "required", "This operator takes a value.")
    operand = Operand(fields["value"], join_path(path, "value"), subject, operator, folding)
    return READERS[operator](operand), is_negated


def operators_of(subject: ValueKind) -> list[str]:
    """Return the names of the operators for a subject, including the negated ones."""
    match subject:
        case ValueKind.TEXT:
            plain = ["exists", *TEXT_OPERATORS]
        case ValueKind.NUMBER:
            plain = ["exists", *NUMBER_OPERATORS]
        case ValueKind.PART:
            plain = NUMBER_OPERATORS
        case ValueKind.MOMENT:
            plain = ["exists", *MOMENT_OPERATORS]
        case ValueKind.TRAIT | ValueKind.FIELD:
            plain = ["exists", *READERS]
        case _:
            assert_never(subject)
    return [*plain, *(f"not_{name}" for name in NEGATABLE if name in plain)]


def _refuse_folding(fields: Mapping[str, Any], path: str) -> None:
    for name in FOLDING_OPERATORS:
        if name in fields:
            raise definition_error(join_path(path, name), "invalid", "Only where text is compared.")


def _read_ignored(name: str, fields: Mapping[str, Any], path: str, operator: str) -> bool:
    if name not in fields:
        return False
    field_path = join_path(path, name)
    if operator not in FOLDING_OPERATORS[name]:
        detail = f"Only for operators on text: {list_words(FOLDING_OPERATORS[name])}."
        raise definition_error(field_path, "invalid", detail)
    return read_boolean(fields[name], field_path)


def _read_equals(operand: Operand) -> Test:
    if (other := operand.other_trait()) is not None:
        return nodes.Equals(other, operand.folding)
    return nodes.Equals(_read_compared(operand.value, operand.path, operand), operand.folding)


def _read_compared(value: object, path: str, operand: Operand) -> Scalar:
    """Read a value that must be equalled."""
    match operand.subject:
        case ValueKind.NUMBER | ValueKind.PART:
            return read_number(value, path)
        case ValueKind.TEXT:
            return read_text(value, path)
    scalar = read_scalar(value, path)
    for name in FOLDING_OPERATORS:
        if getattr(operand.folding, name) and not isinstance(scalar, str):
            raise definition_error(path, "type", f"With {name} this must be text.")
    return scalar


def _read_one_of(operand: Operand) -> Test:
    values = tuple(
        _read_text_or_number(item, f"{operand.path}[{index}]", operand)
        for index, item in enumerate(read_items(operand.value, operand.path))
    )
    return nodes.OneOf(values, operand.folding)


def _read_text_or_number(value: object, path: str, operand: Operand) -> str | Decimal:
    scalar = _read_compared(value, path, operand)
    if isinstance(scalar, bool):
        raise definition_error(path, "type", "This must be text or a number.")
    return scalar


def _read_text_test(operand: Operand) -> Test:
    value = operand.other_trait() or read_text(operand.value, operand.path)
    return nodes.TextTest(nodes.TextOperator(operand.operator), value, operand.folding)


def _read_matches(operand: Operand) -> Test:
    pattern = read_text(operand.value, operand.path)
    try:
        ignore_case = operand.folding.ignore_case
        return nodes.Matches(canonical_pattern(pattern, lower=ignore_case), ignore_case)
    except PatternError as error:
        detail = f"Not in the allowed subset: {error}. Allowed: {SUBSET_DESCRIPTION}."
        raise definition_error(operand.path, "pattern", detail) from None


def _read_compare(operand: Operand) -> Test:
    value = operand.other_trait() or read_number(operand.value, operand.path)
    return nodes.Compare(nodes.Comparison(operand.operator), value)


def _read_between(operand: Operand) -> Test:
    low, high = _read_pair(operand)
    paths = f"{operand.path}[0]", f"{operand.path}[1]"
    # A date is text, so that the ends say what is compared.
    is_date = operand.subject is ValueKind.MOMENT or isinstance(low, str)
    if is_date and operand.subject not in (ValueKind.NUMBER, ValueKind.PART):
        dates = read_iso(low, paths[0]), read_iso(high, paths[1])
        if all(len(end.text) == DATE_LENGTH for end in dates):
            _refuse_reversed(dates[0].text, dates[1].text, operand.path)
        return nodes.DateBetween(*dates)
    numbers = read_number(low, paths[0]), read_number(high, paths[1])
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


def _read_age_gte(operand: Operand) -> Test:
    return nodes.AgeBetween(read_count(operand.value, operand.path, low=0, high=MAX_AGE), None)


def _read_age_lte(operand: Operand) -> Test:
    return nodes.AgeBetween(0, read_count(operand.value, operand.path, low=0, high=MAX_AGE))


def _read_pair(operand: Operand) -> list[object]:
    if not isinstance(operand.value, list) or len(operand.value) != 2:
        raise definition_error(
            operand.path, "type", "This must be a list of two: the lower and the upper end."
        )
    return operand.value


def _refuse_reversed(low: Ordered, high: Ordered, path: str) -> None:
    if low > high:
        raise definition_error(path, "invalid", "The lower end comes first.")


def _read_date_test(operand: Operand) -> Test:
    value = operand.other_trait() or read_iso(operand.value, operand.path)
    return COMPARED_DATES[operand.operator](value)


def _read_relative(operand: Operand) -> Test:
    return RELATIVE_DATES[operand.operator](read_duration(operand.value, operand.path))


def _read_calendar(operand: Operand) -> Test:
    return CALENDAR_DATES[operand.operator](read_calendar_unit(operand.value, operand.path))


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


COMPARED_DATES: Mapping[str, Callable[[nodes.IsoText | OtherTrait], Test]] = {
    "before": nodes.Before,
    "after": nodes.After,
    "on": nodes.On,
}
RELATIVE_DATES: Mapping[str, Callable[[nodes.Duration], Test]] = {
    "in_last": nodes.InLast,
    "in_next": nodes.InNext,
    "more_than_ago": nodes.MoreThanAgo,
    "anniversary_in_next": nodes.AnniversaryInNext,
}
CALENDAR_DATES: Mapping[str, Callable[[nodes.CalendarUnit], Test]] = {
    "this": nodes.This,
    "previous": nodes.Previous,
}
# By operator, without `exists`, which has no operand.
READERS: Mapping[str, Callable[[Operand], Test]] = {
    "equals": _read_equals,
    "in": _read_one_of,
    **dict.fromkeys(nodes.TextOperator, _read_text_test),
    "matches": _read_matches,
    **dict.fromkeys(nodes.Comparison, _read_compare),
    "between": _read_between,
    **dict.fromkeys(COMPARED_DATES, _read_date_test),
    **dict.fromkeys(RELATIVE_DATES, _read_relative),
    **dict.fromkeys(CALENDAR_DATES, _read_calendar),
    "age_gte": _read_age_gte,
    "age_lte": _read_age_lte,
    "age_between": _read_age_between,
    "includes": _read_includes,
    **{f"includes_{quantifier}": _read_includes_list for quantifier in nodes.Quantifier},
    **dict.fromkeys(nodes.LengthOperator, _read_length),
}
