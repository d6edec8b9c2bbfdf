"""Reading what is asked of a value: the closed table of operators, and the operand that each of them takes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

from segments.language import nodes
from segments.language.nodes import OtherTrait, Test
from segments.language.operands import (
    listed,
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
    refuse,
    within,
)
from segments.language.patterns import SUBSET, PatternError, canonical_pattern

OLDEST = 150
LONGEST_LENGTH = 1_000_000
NEGATABLE = (
    *("exists", "equals", "in", "contains", "starts_with", "ends_with"),
    *("matches", "between", "in_last", "includes"),
)
CASED = {"equals", "in", "contains", "starts_with", "ends_with", "matches"}


class ValueKind(Enum):
    """What kind of value an operator is asked of."""

    TRAIT = "trait"
    FIELD = "field"
    NUMBER = "number"
    MOMENT = "moment"


@dataclass(frozen=True, slots=True)
class Operand:
    """An operand on its way in."""

    value: object
    path: str
    subject: ValueKind
    operator: str
    ignore_case: bool

    def other_trait(self) -> OtherTrait | None:
        """The other trait that the operand names; only traits can be compared with traits."""
        if not isinstance(self.value, dict):
            return None
        if self.subject is not ValueKind.TRAIT:
            raise refuse(self.path, "type", 'Only a trait can be compared with {"trait": …}.')
        return read_other_trait(self.value, self.path)


def read_test(fields: Mapping[str, Any], path: str, subject: ValueKind) -> tuple[Test, bool]:
    """The test that `operator`, `value` and `ignore_case` ask, and whether it is negated."""
    names = operators_of(subject)
    written = read_choice(fields["operator"], within(path, "operator"), names)
    is_negated = written.startswith("not_")
    operator = written.removeprefix("not_")
    ignore_case = _read_case(fields, path, operator)
    if operator == "exists":
        read_fields({name: None for name in fields if name == "value"}, path, ())
        return nodes.Exists(), is_negated
    if "value" not in fields:
        raise refuse(within(path, "value"), "required", "This operator takes a value.")
    asking = Operand(fields["value"], within(path, "value"), subject, operator, ignore_case)
    return READERS[operator](asking), is_negated


def operators_of(subject: ValueKind) -> list[str]:
    """The operators, negated ones included, that a subject knows."""
    match subject:
        case ValueKind.NUMBER:
            plain = ["exists", "equals", "between", *nodes.Comparison]
        case ValueKind.MOMENT:
            plain = ["exists", "before", "after", "in_last"]
        case _:
            plain = ["exists", *READERS]
    return [*plain, *(f"not_{name}" for name in NEGATABLE if name in plain)]


def _read_case(fields: Mapping[str, Any], path: str, operator: str) -> bool:
    if "ignore_case" not in fields:
        return False
    place = within(path, "ignore_case")
    if operator not in CASED:
        raise refuse(place, "invalid", f"Only for operators on text: {listed(CASED)}.")
    return read_boolean(fields["ignore_case"], place)


def _equals(asking: Operand) -> Test:
    if (other := asking.other_trait()) is not None:
        return nodes.Equals(other, asking.ignore_case)
    if asking.subject is ValueKind.NUMBER:
        return nodes.Equals(read_number(asking.value, asking.path))
    value = read_scalar(asking.value, asking.path)
    if asking.ignore_case and not isinstance(value, str):
        raise refuse(asking.path, "type", "With ignore_case this must be text.")
    return nodes.Equals(value, asking.ignore_case)


def _one_of(asking: Operand) -> Test:
    items = read_items(asking.value, asking.path)
    texts = tuple(read_text(item, f"{asking.path}[{place}]") for place, item in enumerate(items))
    return nodes.OneOf(texts, asking.ignore_case)


def _text(asking: Operand) -> Test:
    value = asking.other_trait() or read_text(asking.value, asking.path)
    return nodes.TextTest(nodes.TextOperator(asking.operator), value, asking.ignore_case)


def _matches(asking: Operand) -> Test:
    pattern = read_text(asking.value, asking.path)
    try:
        return nodes.Matches(
            canonical_pattern(pattern, lower=asking.ignore_case), asking.ignore_case
        )
    except PatternError as error:
        detail = f"Not in the allowed subset: {error}. Allowed: {SUBSET}."
        raise refuse(asking.path, "pattern", detail) from None


def _compare(asking: Operand) -> Test:
    value = asking.other_trait() or read_number(asking.value, asking.path)
    return nodes.Compare(nodes.Comparison(asking.operator), value)


def _between(asking: Operand) -> Test:
    low, high = _pair(asking)
    numbers = read_number(low, f"{asking.path}[0]"), read_number(high, f"{asking.path}[1]")
    _in_order(*numbers, asking.path)
    return nodes.Between(*numbers)


def _age_between(asking: Operand) -> Test:
    low, high = _pair(asking)
    ages = (
        read_count(low, f"{asking.path}[0]", low=0, high=OLDEST),
        read_count(high, f"{asking.path}[1]", low=0, high=OLDEST),
    )
    _in_order(*ages, asking.path)
    return nodes.AgeBetween(*ages)


def _pair(asking: Operand) -> list[object]:
    if not isinstance(asking.value, list) or len(asking.value) != 2:
        raise refuse(
            asking.path, "type", "This must be a list of two: the lower and the upper end."
        )
    return asking.value


def _in_order(low: Decimal | int, high: Decimal | int, path: str) -> None:
    if low > high:
        raise refuse(path, "invalid", "The lower end comes first.")


def _before(asking: Operand) -> Test:
    return nodes.Before(asking.other_trait() or read_iso(asking.value, asking.path))


def _after(asking: Operand) -> Test:
    return nodes.After(asking.other_trait() or read_iso(asking.value, asking.path))


def _in_last(asking: Operand) -> Test:
    return nodes.InLast(read_duration(asking.value, asking.path))


def _includes(asking: Operand) -> Test:
    value = read_scalar(asking.value, asking.path)
    return nodes.Includes(nodes.Quantifier.ANY, (value,))


def _includes_list(asking: Operand) -> Test:
    items = read_items(asking.value, asking.path)
    values = tuple(read_scalar(item, f"{asking.path}[{place}]") for place, item in enumerate(items))
    return nodes.Includes(nodes.Quantifier(asking.operator.removeprefix("includes_")), values)


def _length(asking: Operand) -> Test:
    count = read_count(asking.value, asking.path, low=0, high=LONGEST_LENGTH)
    return nodes.Length(nodes.LengthOperator(asking.operator), count)


READERS: Mapping[str, Callable[[Operand], Test]] = {
    "equals": _equals,
    "in": _one_of,
    **dict.fromkeys(nodes.TextOperator, _text),
    "matches": _matches,
    **dict.fromkeys(nodes.Comparison, _compare),
    "between": _between,
    "before": _before,
    "after": _after,
    "in_last": _in_last,
    "age_between": _age_between,
    "includes": _includes,
    **{f"includes_{quantifier}": _includes_list for quantifier in nodes.Quantifier},
    **dict.fromkeys(nodes.LengthOperator, _length),
}
