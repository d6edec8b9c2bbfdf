"""Compiling the tests of one value: a part of a JSON document, a number or an instant.

Invariant: every condition is TRUE or FALSE on any data, never NULL and never an error. A CASE
checks the type before any cast.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import assert_never

from profiles.lib import exact_json
from segments.compiler.context import Context, operand_span
from segments.compiler.fragments import (
    FALSE,
    Fragment,
    all_of,
    fill,
    negate,
)
from segments.language import nodes
from segments.language.calendar import latest_birth_date, length_of, local_date, months_in
from segments.language.nodes import IsoText, OtherTrait, Path, Scalar, Test

COMPARISONS = {
    nodes.Comparison.GT: "{value} > {operand}::numeric",
    nodes.Comparison.GTE: "{value} >= {operand}::numeric",
    nodes.Comparison.LT: "{value} < {operand}::numeric",
    nodes.Comparison.LTE: "{value} <= {operand}::numeric",
}
TEXT_TESTS = {
    nodes.TextOperator.CONTAINS: "strpos({value}, {operand}) > 0",
    nodes.TextOperator.STARTS_WITH: "starts_with({value}, {operand})",
    nodes.TextOperator.ENDS_WITH: "right({value}, length({operand})) = {operand}",
}
LENGTHS = {
    nodes.LengthOperator.LENGTH_GTE: "jsonb_array_length({value}) >= {operand}::int",
    nodes.LengthOperator.LENGTH_LTE: "jsonb_array_length({value}) <= {operand}::int",
    nodes.LengthOperator.LENGTH_EQUALS: "jsonb_array_length({value}) = {operand}::int",
}


@dataclass(frozen=True, slots=True)
class Element:
    """A part of a JSON document. `document` is a jsonb expression that is never NULL."""

    document: Fragment
    path: Path


def json_value(element: Element) -> Fragment:
    """Return the element as jsonb, NULL where it is missing."""
    value = element.document
    # With a text, -> enters objects only, so a path never goes through a list.
    for step in element.path:
        value = fill("{value} -> {step}::text", value=value, step=step)
    return fill("({value})", value=value)


def text_value(element: Element) -> Fragment:
    """Return the element as text, NULL where it is missing."""
    parent = Element(element.document, element.path[:-1])
    value = element.document if not parent.path else json_value(parent)
    return fill("({value} ->> {step}::text)", value=value, step=element.path[-1])


def is_type(element: Element, name: str) -> Fragment:
    """Return the condition that the element has a JSON type: string, number, boolean or array."""
    template = "coalesce(jsonb_typeof({value}) = {name}::text, FALSE)"
    return fill(template, value=json_value(element), name=name)


def test_element(element: Element, test: Test, context: Context) -> Fragment:
    """Return the condition that the element passes the test."""
    match test:
        case nodes.Exists():
            # An element that is null counts as missing.
            template = "coalesce(jsonb_typeof({value}) <> 'null', FALSE)"
            return fill(template, value=json_value(element))
        case nodes.Equals(value, ignore_case):
            return _test_equality(element, value, ignore_case)
        case nodes.OneOf() | nodes.TextTest() | nodes.Matches():
            return _test_text(element, test)
        case nodes.Compare(operator, value):
            return _test_comparison(element, operator, value)
        case nodes.Between(low, high):
            checks = [
                _test_comparison(element, nodes.Comparison.GTE, low),
                _test_comparison(element, nodes.Comparison.LTE, high),
            ]
            return all_of(checks)
        case nodes.Before() | nodes.After() | nodes.InLast() | nodes.AgeBetween():
            return _test_date(element, test, context)
        case nodes.Includes() | nodes.Length():
            return _test_list(element, test)
        case _:
            assert_never(test)


def _test_equality(element: Element, value: Scalar | OtherTrait, ignore_case: bool) -> Fragment:
    if isinstance(value, OtherTrait):
        return _test_equality_of_traits(element, Element(element.document, value.key), ignore_case)
    if ignore_case:
        return fill(
            "({is_text} AND {value} = {operand})",
            is_text=is_type(element, "string"),
            value=_text(element, True),
            operand=_lower(fill("{value}::text", value=value)),
        )
    return _contains(element, value)


def _test_equality_of_traits(element: Element, other: Element, ignore_case: bool) -> Fragment:
    if ignore_case:
        return fill(
            "({is_text} AND {is_other_text} AND {value} = {operand})",
            is_text=is_type(element, "string"),
            is_other_text=is_type(other, "string"),
            value=_text(element, True),
            operand=_text(other, True),
        )
    return fill(
        "coalesce({value} = {operand}"
        " AND jsonb_typeof({value}) IN ('string', 'number', 'boolean'), FALSE)",
        value=json_value(element),
        operand=json_value(other),
    )


def _contains(element: Element, value: object) -> Fragment:
    """Return the condition that the element is the scalar, or the list contains all values."""
    # Unlike =, the operator @> can use the index of the document. It compares scalars by type and
    # exact value. Its exception, that a list contains a bare scalar, is for the top level only.
    for step in reversed(element.path):
        value = {step: value}
    template = "({document} @> {operand}::jsonb)"
    return fill(template, document=element.document, operand=exact_json.dumps(value))


def _text(element: Element, ignore_case: bool) -> Fragment:
    return _lower(text_value(element)) if ignore_case else text_value(element)


def _lower(text: Fragment) -> Fragment:
    return fill("lower({text} COLLATE segments_simple)", text=text)


def _test_text(element: Element, test: nodes.OneOf | nodes.TextTest | nodes.Matches) -> Fragment:
    value = _text(element, test.ignore_case)
    is_text = is_type(element, "string")
    match test:
        case nodes.OneOf(values, ignore_case):
            template = (
                "({is_text} AND {value} IN ("
                "SELECT lower(o COLLATE segments_simple) FROM unnest({operand}::text[]) o))"
                if ignore_case
                else "({is_text} AND {value} = ANY({operand}::text[]))"
            )
            return fill(template, is_text=is_text, value=value, operand=list(values))
        case nodes.Matches(pattern):
            # Under another collation the database's locale would decide what a range contains.
            template = '({is_text} AND {value} COLLATE "C" ~ {operand}::text)'
            return fill(template, is_text=is_text, value=value, operand=pattern)
        case nodes.TextTest(operator, operand, ignore_case):
            preconditions, text = _text_operand(element, operand, ignore_case)
            condition = fill(TEXT_TESTS[operator], value=value, operand=text)
            return all_of([is_text, *preconditions, condition])


def _text_operand(
    element: Element, operand: str | OtherTrait, ignore_case: bool
) -> tuple[list[Fragment], Fragment]:
    """Return the conditions under which the operand is a text, and the text."""
    if isinstance(operand, OtherTrait):
        other = Element(element.document, operand.key)
        return [is_type(other, "string")], _text(other, ignore_case)
    text = fill("{operand}::text", operand=operand)
    return [], _lower(text) if ignore_case else text


def _test_comparison(
    element: Element, operator: nodes.Comparison, value: Decimal | OtherTrait
) -> Fragment:
    if isinstance(value, OtherTrait):
        other = Element(element.document, value.key)
        template = "CASE WHEN {is_number} AND {is_other_number} THEN {test} ELSE FALSE END"
        operand: Fragment | Decimal = json_value(other)
        is_other_number = is_type(other, "number")
    else:
        template = "CASE WHEN {is_number} THEN {test} ELSE FALSE END"
        operand, is_other_number = value, FALSE
    number = fill("{value}::numeric", value=json_value(element))
    return fill(
        template,
        is_number=is_type(element, "number"),
        is_other_number=is_other_number,
        test=fill(COMPARISONS[operator], value=number, operand=operand),
    )


def _test_date(
    element: Element,
    test: nodes.Before | nodes.After | nodes.InLast | nodes.AgeBetween,
    context: Context,
) -> Fragment:
    match test:
        case nodes.Before(value):
            operand = span_operand(element, value, context)
            return fill(
                "coalesce({span} << {operand}, FALSE)",
                span=span_value(element, context),
                operand=operand,
            )
        case nodes.After(value):
            operand = span_operand(element, value, context)
            return fill(
                "coalesce({span} >> {operand}, FALSE)",
                span=span_value(element, context),
                operand=operand,
            )
        case nodes.InLast(duration):
            span = span_value(element, context)
            return fill(
                "coalesce(lower({span}) <= {now}::timestamptz"
                " AND {leaves_at} > {now}::timestamptz, FALSE)",
                span=span,
                now=context.now,
                leaves_at=add_to_instant(fill("upper({span})", span=span), duration, context),
            )
        case nodes.AgeBetween(low, high):
            today = local_date(context.now, context.zone)
            return born_between(
                element, latest_birth_date(today, high + 1), latest_birth_date(today, low)
            )
        case _:
            assert_never(test)


def born_between(element: Element, after: object, until: object) -> Fragment:
    """Return the condition that the element is a date after `after` and not after `until`."""
    return fill(
        "coalesce({birth} > {after}::date AND {birth} <= {until}::date, FALSE)",
        birth=fill("segments_date({text})", text=text_value(element)),
        after=after,
        until=until,
    )


def span_value(element: Element, context: Context) -> Fragment:
    """Return the day or instant that the element means, as a range; NULL for other texts."""
    template = "segments_span({text}, {zone}::text)"
    return fill(template, text=text_value(element), zone=context.zone.key)


def span_operand(element: Element, operand: IsoText | OtherTrait, context: Context) -> Fragment:
    """Return the day or instant that the operand means, as a range; NULL if a trait has none."""
    if isinstance(operand, OtherTrait):
        return span_value(Element(element.document, operand.key), context)
    span = operand_span(operand, context)
    template = "tstzrange({start}::timestamptz, {end}::timestamptz, {bounds}::text)"
    return fill(template, start=span.start, end=span.end, bounds="[)" if span.is_day else "[]")


def add_to_instant(instant: Fragment, duration: nodes.Duration, context: Context) -> Fragment:
    """Return the instant a duration later."""
    if months := months_in(duration):
        template = "segments_add({instant}, {months}::int, {zone}::text)"
        return fill(template, instant=instant, months=months, zone=context.zone.key)
    return fill("({instant} + {length}::interval)", instant=instant, length=length_of(duration))


def _test_list(element: Element, test: nodes.Includes | nodes.Length) -> Fragment:
    match test:
        case nodes.Includes(nodes.Quantifier.ALL, values):
            return _contains(element, list(values))
        case nodes.Includes(nodes.Quantifier.ANY, values):
            return _has_any(element, values)
        case nodes.Includes(nodes.Quantifier.NONE, values):
            return all_of([is_type(element, "array"), negate(_has_any(element, values))])
        case nodes.Length(operator, count):
            comparison = fill(LENGTHS[operator], value=json_value(element), operand=count)
            template = "CASE WHEN {is_list} THEN {comparison} ELSE FALSE END"
            return fill(template, is_list=is_type(element, "array"), comparison=comparison)
        case _:
            raise ValueError("There is no such quantifier.")


def _has_any(element: Element, values: Sequence[Scalar]) -> Fragment:
    """Return the condition that the element is a list with one of the values."""
    if len(values) == 1:
        return _contains(element, list(values))
    # One test of the whole set, which PostgreSQL hashes. One test for each value would take as many
    # times as long.
    template = (
        "(CASE WHEN {is_list} THEN EXISTS ("
        "SELECT FROM jsonb_array_elements({value}) AS item (value)"
        " WHERE item.value = ANY({operands}::text[]::jsonb[])) ELSE FALSE END)"
    )
    return fill(
        template,
        is_list=is_type(element, "array"),
        value=json_value(element),
        operands=[exact_json.dumps(value) for value in values],
    )


def test_number(value: Fragment, test: Test) -> Fragment:
    """Return the condition that a numeric expression passes the test. NULL means missing."""
    match test:
        case nodes.Exists():
            return fill("({value} IS NOT NULL)", value=value)
        case nodes.Equals(Decimal() as operand):
            template = "coalesce({value} = {operand}::numeric, FALSE)"
            return fill(template, value=value, operand=operand)
        case nodes.Compare(operator, Decimal() as operand):
            comparison = fill(COMPARISONS[operator], value=value, operand=operand)
            return fill("coalesce({comparison}, FALSE)", comparison=comparison)
        case nodes.Between(low, high):
            template = "coalesce({value} BETWEEN {low}::numeric AND {high}::numeric, FALSE)"
            return fill(template, value=value, low=low, high=high)
        case _:
            raise ValueError("The parser lets no other test of a number through.")


def test_moment(value: Fragment, test: Test, context: Context) -> Fragment:
    """Return the condition that an instant passes the test.

    NULL means missing. The instant must not be after now.
    """
    match test:
        case nodes.Exists():
            return fill("({value} IS NOT NULL)", value=value)
        case nodes.Before(IsoText() as operand):
            start = operand_span(operand, context).start
            return fill("coalesce({value} < {start}::timestamptz, FALSE)", value=value, start=start)
        case nodes.After(IsoText() as operand):
            span = operand_span(operand, context)
            # A day excludes its end, so its end is after it; an instant is not after itself.
            template = (
                "coalesce({value} >= {end}::timestamptz, FALSE)"
                if span.is_day
                else "coalesce({value} > {end}::timestamptz, FALSE)"
            )
            return fill(template, value=value, end=span.end)
        case nodes.InLast(duration):
            return fill(
                "coalesce({leaves_at} > {now}::timestamptz, FALSE)",
                leaves_at=add_to_instant(value, duration, context),
                now=context.now,
            )
        case _:
            raise ValueError("The parser lets no other test of an instant through.")
