"""Tests of one value: of a JSON document (traits, properties, context), a number or an instant.

Invariant: every fragment is TRUE or FALSE on any data, never NULL and never an error: a CASE looks at the type before any cast.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import assert_never

from profiles.lib import exact_json
from segments.compiler.context import Context, span_of
from segments.compiler.fragments import (
    FALSE,
    Fragment,
    all_of,
    any_of,
    fill,
    negated,
)
from segments.language import nodes
from segments.language.calendar import birth_limit, local_date, months_of, seconds_of
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
    """A place in a JSON document: `document` is a jsonb expression that is never NULL."""

    document: Fragment
    path: Path


def json_value(element: Element) -> Fragment:
    """The element as jsonb, NULL where it is missing. `->` with text enters objects only: a list ends the path."""
    value = element.document
    for step in element.path:
        value = fill("{value} -> {step}::text", value=value, step=step)
    return fill("({value})", value=value)


def text_value(element: Element) -> Fragment:
    """The element as text."""
    parent = Element(element.document, element.path[:-1])
    value = element.document if not parent.path else json_value(parent)
    return fill("({value} ->> {step}::text)", value=value, step=element.path[-1])


def is_type(element: Element, name: str) -> Fragment:
    template = "coalesce(jsonb_typeof({value}) = {name}::text, FALSE)"
    return fill(template, value=json_value(element), name=name)


def test_element(element: Element, test: Test, context: Context) -> Fragment:
    """Whether the element passes the test."""
    match test:
        case nodes.Exists():
            template = "coalesce(jsonb_typeof({value}) <> 'null', FALSE)"
            return fill(template, value=json_value(element))
        case nodes.Equals(value, ignore_case):
            return _equals(element, value, ignore_case)
        case nodes.OneOf() | nodes.TextTest() | nodes.Matches():
            return _text_test(element, test)
        case nodes.Compare(operator, value):
            return _compare(element, operator, value)
        case nodes.Between(low, high):
            checks = [
                _compare(element, nodes.Comparison.GTE, low),
                _compare(element, nodes.Comparison.LTE, high),
            ]
            return all_of(checks)
        case nodes.Before() | nodes.After() | nodes.InLast() | nodes.AgeBetween():
            return _date_test(element, test, context)
        case nodes.Includes() | nodes.Length():
            return _list_test(element, test)
        case _:
            assert_never(test)


def _equals(element: Element, value: Scalar | OtherTrait, ignore_case: bool) -> Fragment:
    if isinstance(value, OtherTrait):
        return _equals_other(element, Element(element.document, value.key), ignore_case)
    if ignore_case:
        template = "({is_text} AND {value} = {operand})"
        operand = _lower(fill("{value}::text", value=value))
        return fill(
            template,
            is_text=is_type(element, "string"),
            value=_text(element, True),
            operand=operand,
        )
    return _contains_document(element, value)


def _equals_other(element: Element, other: Element, ignore_case: bool) -> Fragment:
    if ignore_case:
        return fill(
            "({is_text} AND {is_other_text} AND {value} = {operand})",
            is_text=is_type(element, "string"),
            is_other_text=is_type(other, "string"),
            value=_text(element, True),
            operand=_text(other, True),
        )
    return fill(
        "coalesce({value} = {operand} AND jsonb_typeof({value}) IN ('string', 'number', 'boolean'), FALSE)",
        value=json_value(element),
        operand=json_value(other),
    )


def _contains_document(element: Element, value: object) -> Fragment:
    """`@>` compares scalars by type and exact value, below the top level makes no exception for lists, and has an index."""
    for step in reversed(element.path):
        value = {step: value}
    template = "({document} @> {operand}::jsonb)"
    return fill(template, document=element.document, operand=exact_json.dumps(value))


def _text(element: Element, ignore_case: bool) -> Fragment:
    return _lower(text_value(element)) if ignore_case else text_value(element)


def _lower(text: Fragment) -> Fragment:
    return fill("lower({text} COLLATE segments_simple)", text=text)


def _text_test(element: Element, test: nodes.OneOf | nodes.TextTest | nodes.Matches) -> Fragment:
    value = _text(element, test.ignore_case)
    is_text = is_type(element, "string")
    match test:
        case nodes.OneOf(values, ignore_case):
            template = (
                "({is_text} AND {value} IN (SELECT lower(o COLLATE segments_simple) FROM unnest({operand}::text[]) o))"
                if ignore_case
                else "({is_text} AND {value} = ANY({operand}::text[]))"
            )
            return fill(template, is_text=is_text, value=value, operand=list(values))
        case nodes.Matches(pattern):
            template = '({is_text} AND {value} COLLATE "C" ~ {operand}::text)'
            return fill(template, is_text=is_text, value=value, operand=pattern)
        case nodes.TextTest(operator, operand, ignore_case):
            is_other_text, text = _text_operand(element, operand, ignore_case)
            found = fill(TEXT_TESTS[operator], value=value, operand=text)
            return all_of([is_text, *is_other_text, found])


def _text_operand(
    element: Element, operand: str | OtherTrait, ignore_case: bool
) -> tuple[list[Fragment], Fragment]:
    """What has to be so for the operand to be text, and the text."""
    if isinstance(operand, OtherTrait):
        other = Element(element.document, operand.key)
        return [is_type(other, "string")], _text(other, ignore_case)
    text = fill("{operand}::text", operand=operand)
    return [], _lower(text) if ignore_case else text


def _compare(element: Element, operator: nodes.Comparison, value: Decimal | OtherTrait) -> Fragment:
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


def _date_test(
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
                "coalesce(lower({span}) <= {now}::timestamptz AND {left} > {now}::timestamptz, FALSE)",
                span=span,
                now=context.now,
                left=added(fill("upper({span})", span=span), duration, context),
            )
        case nodes.AgeBetween(low, high):
            today = local_date(context.now, context.zone)
            return born_between(element, birth_limit(today, high + 1), birth_limit(today, low))
        case _:
            assert_never(test)


def born_between(element: Element, after: object, until: object) -> Fragment:
    """Born after one date and until, or on, another."""
    return fill(
        "coalesce({birth} > {after}::date AND {birth} <= {until}::date, FALSE)",
        birth=fill("segments_date({text})", text=text_value(element)),
        after=after,
        until=until,
    )


def span_value(element: Element, context: Context) -> Fragment:
    """The day or instant that the element names, NULL where it names none."""
    template = "segments_span({text}, {zone}::text)"
    return fill(template, text=text_value(element), zone=context.zone.key)


def span_operand(element: Element, operand: IsoText | OtherTrait, context: Context) -> Fragment:
    if isinstance(operand, OtherTrait):
        return span_value(Element(element.document, operand.key), context)
    span = span_of(operand, context)
    template = "tstzrange({start}::timestamptz, {end}::timestamptz, {bounds}::text)"
    return fill(template, start=span.start, end=span.end, bounds="[)" if span.is_day else "[]")


def added(instant: Fragment, duration: nodes.Duration, context: Context) -> Fragment:
    """The instant moved by a duration."""
    if months := months_of(duration):
        template = "segments_add({instant}, {months}::int, {zone}::text)"
        return fill(template, instant=instant, months=months, zone=context.zone.key)
    return fill("({instant} + {length}::interval)", instant=instant, length=seconds_of(duration))


def _list_test(element: Element, test: nodes.Includes | nodes.Length) -> Fragment:
    match test:
        case nodes.Includes(nodes.Quantifier.ALL, values):
            return _contains_document(element, list(values))
        case nodes.Includes(nodes.Quantifier.ANY, values):
            return any_of([_contains_document(element, [value]) for value in values])
        case nodes.Includes(nodes.Quantifier.NONE, values):
            some = any_of([_contains_document(element, [value]) for value in values])
            return all_of([is_type(element, "array"), negated(some)])
        case nodes.Length(operator, count):
            measured = fill(LENGTHS[operator], value=json_value(element), operand=count)
            template = "CASE WHEN {is_list} THEN {measured} ELSE FALSE END"
            return fill(template, is_list=is_type(element, "array"), measured=measured)
        case _:
            raise ValueError("There is no such quantifier.")


def test_number(value: Fragment, test: Test) -> Fragment:
    """Whether a numeric expression, NULL where it is missing, passes the test."""
    match test:
        case nodes.Exists():
            return fill("({value} IS NOT NULL)", value=value)
        case nodes.Equals(Decimal() as operand):
            template = "coalesce({value} = {operand}::numeric, FALSE)"
            return fill(template, value=value, operand=operand)
        case nodes.Compare(operator, Decimal() as operand):
            compared = fill(COMPARISONS[operator], value=value, operand=operand)
            return fill("coalesce({compared}, FALSE)", compared=compared)
        case nodes.Between(low, high):
            template = "coalesce({value} BETWEEN {low}::numeric AND {high}::numeric, FALSE)"
            return fill(template, value=value, low=low, high=high)
        case _:
            raise ValueError("The parser lets no other test of a number through.")


def test_moment(value: Fragment, test: Test, context: Context) -> Fragment:
    """Whether an instant, NULL where it is missing and never after now, passes the test."""
    match test:
        case nodes.Exists():
            return fill("({value} IS NOT NULL)", value=value)
        case nodes.Before(IsoText() as operand):
            start = span_of(operand, context).start
            return fill("coalesce({value} < {start}::timestamptz, FALSE)", value=value, start=start)
        case nodes.After(IsoText() as operand):
            span = span_of(operand, context)
            template = (
                "coalesce({value} >= {end}::timestamptz, FALSE)"
                if span.is_day
                else "coalesce({value} > {end}::timestamptz, FALSE)"
            )
            return fill(template, value=value, end=span.end)
        case nodes.InLast(duration):
            left = added(value, duration, context)
            return fill("coalesce({left} > {now}::timestamptz, FALSE)", left=left, now=context.now)
        case _:
            raise ValueError("The parser lets no other test of an instant through.")
