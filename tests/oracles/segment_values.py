"""Values and their tests, as the oracle of segments reads them."""

import re
import unicodedata
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.oracles import segment_dates as dates

MISSING = object()


def look_up(document: Any, key: str) -> Any:
    for step in re.split(r"(?<!\\)\.", key):
        if not isinstance(document, dict):
            return MISSING
        document = document.get(step.replace("\\.", "."), MISSING)
    return MISSING if document is None else document


def is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal | Fraction) and not isinstance(value, bool)


def value_holds(value: Any, test: dict[str, Any], world: Any, person: Any = None) -> bool:
    operator = test["operator"]
    if operator.startswith("not_"):
        return not value_holds(value, {**test, "operator": operator[4:]}, world, person)
    if value is MISSING:
        return False
    if operator == "exists":
        return True
    operand = test["value"]
    if isinstance(operand, dict) and "trait" in operand:
        assert person is not None
        operand = look_up(person.traits, operand["trait"])
        if operand is MISSING or isinstance(operand, dict | list):
            return False
    for option, fold in (("ignore_accents", without_accents), ("ignore_case", lower)):
        if test.get(option):
            if not isinstance(value, str):
                return False
            value, operand = fold(value), fold_operand(operator, operand, fold)
            if operand is MISSING:
                return False
    return OPERATORS[operator](value, operand, world)


def lower(text: str) -> str:
    return "".join(char.lower()[0] for char in text)


def without_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(char for char in decomposed if not unicodedata.category(char).startswith("M"))


def fold_operand(operator: str, operand: Any, fold: Any) -> Any:
    if isinstance(operand, list):
        return [fold(item) for item in operand]
    if not isinstance(operand, str):
        return MISSING
    if operator == "matches":
        return re.sub(r"\\.|[A-ZÀ-Þ]", lambda m: m[0] if m[0][0] == "\\" else m[0].lower(), operand)
    return fold(operand)


def is_same(first: Any, second: Any) -> bool:
    if is_number(first) and is_number(second):
        return Fraction(first) == Fraction(second)
    return type(first) is type(second) and not isinstance(first, dict | list) and first == second


def for_texts(test: Any) -> Any:
    def compare(value: Any, operand: Any, world: Any) -> bool:
        return isinstance(value, str) and isinstance(operand, str) and test(value, operand)

    return compare


def for_numbers(test: Any) -> Any:
    def compare(value: Any, operand: Any, world: Any) -> bool:
        return is_number(value) and is_number(operand) and test(Fraction(value), Fraction(operand))

    return compare


def matches(value: str, pattern: str) -> bool:
    whole = re.sub(r"\\.|\$", lambda m: r"\Z" if m[0] == "$" else m[0], pattern)
    return re.search(whole, value, re.ASCII | re.DOTALL) is not None


def for_lengths(test: Any) -> Any:
    return lambda value, operand, world: isinstance(value, list) and test(len(value), operand)


def includes_any(items: list[Any], wanted: list[Any]) -> bool:
    return any(is_same(item, value) for item in items for value in wanted)


def includes_all(items: list[Any], wanted: list[Any]) -> bool:
    return all(any(is_same(item, value) for item in items) for value in wanted)


OPERATORS: dict[str, Any] = {
    "equals": lambda value, operand, world: is_same(value, operand),
    "in": lambda value, operand, world: (
        not isinstance(value, bool) and any(is_same(value, item) for item in operand)
    ),
    "contains": for_texts(lambda value, operand: operand in value),
    "starts_with": for_texts(lambda value, operand: value.startswith(operand)),
    "ends_with": for_texts(lambda value, operand: value.endswith(operand)),
    "matches": for_texts(matches),
    "gt": for_numbers(lambda value, operand: value > operand),
    "gte": for_numbers(lambda value, operand: value >= operand),
    "lt": for_numbers(lambda value, operand: value < operand),
    "lte": for_numbers(lambda value, operand: value <= operand),
    "between": lambda value, ends, world: (
        dates.between_dates(value, ends, world)
        if isinstance(ends[0], str)
        else is_number(value) and Fraction(ends[0]) <= Fraction(value) <= Fraction(ends[1])
    ),
    "before": dates.before,
    "after": dates.after,
    "on": dates.on,
    "in_last": dates.in_last,
    "in_next": dates.in_next,
    "more_than_ago": dates.more_than_ago,
    "this": dates.this,
    "previous": dates.previous,
    "anniversary_in_next": dates.anniversary_in_next,
    "age_gte": dates.age_gte,
    "age_lte": dates.age_lte,
    "age_between": dates.age_between,
    "includes": lambda value, operand, world: (
        isinstance(value, list) and includes_any(value, [operand])
    ),
    "includes_any": lambda value, operands, world: (
        isinstance(value, list) and includes_any(value, operands)
    ),
    "includes_all": lambda value, operands, world: (
        isinstance(value, list) and includes_all(value, operands)
    ),
    "includes_none": lambda value, operands, world: (
        isinstance(value, list) and not includes_any(value, operands)
    ),
    "length_gte": for_lengths(lambda length, operand: length >= operand),
    "length_lte": for_lengths(lambda length, operand: length <= operand),
    "length_equals": for_lengths(lambda length, operand: length == operand),
}
