"""Compiling the tests of one value: a part of a JSON document, or a number.

Invariant: every condition is TRUE or FALSE on any data, never NULL and never an error. A CASE
checks the type before any cast.
"""

from collections.abc import Sequence
from decimal import Decimal

from profiles.lib import exact_json
from segments.compiler.context import Context
from segments.compiler.dates import test_date
from segments.compiler.elements import Element, is_type, json_value, text_value
from segments.compiler.fragments import (
    FALSE,
    TRUE,
    Fragment,
    all_of,
    any_of,
    fill,
    join_fragments,
    negate,
)
from segments.language import nodes
from segments.language.nodes import Folding, OtherTrait, Scalar, Test

COMPARISONS = {
    nodes.Comparison.GT: "{value} > {operand}",
    nodes.Comparison.GTE: "{value} >= {operand}",
    nodes.Comparison.LT: "{value} < {operand}",
    nodes.Comparison.LTE: "{value} <= {operand}",
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


def test_element(element: Element, test: Test, context: Context) -> Fragment:
    """Return the condition that the element passes the test."""
    match test:
        case nodes.Exists():
            # An element that is null counts as missing.
            template = "coalesce(jsonb_typeof({value}) <> 'null', FALSE)"
            return fill(template, value=json_value(element))
        case nodes.Equals(value, folding):
            return _test_equality(element, value, folding)
        case nodes.OneOf(values, folding):
            return _test_one_of(element, values, folding)
        case nodes.TextTest(operator, OtherTrait(key), folding):
            other = Element(element.document, key)
            condition = fill(
                TEXT_TESTS[operator],
                value=_fold(text_value(element), folding),
                operand=_fold(text_value(other), folding),
            )
            return all_of([is_type(element, "string"), is_type(other, "string"), condition])
        case nodes.TextTest() | nodes.Matches():
            return all_of([is_type(element, "string"), test_text(text_value(element), test)])
        case nodes.Compare(operator, value):
            return _test_comparison(element, operator, value)
        case nodes.Between(low, high):
            checks = [
                _test_comparison(element, nodes.Comparison.GTE, low),
                _test_comparison(element, nodes.Comparison.LTE, high),
            ]
            return all_of(checks)
        case nodes.Includes() | nodes.Length():
            return _test_list(element, test)
        case _:
            return test_date(element, test, context)


def test_text(text: Fragment, test: Test) -> Fragment:
    """Return the condition that a text, which is not NULL, passes the test."""
    match test:
        case nodes.Exists():
            return TRUE
        case nodes.Equals(str(operand), folding):
            return fill(
                "{value} = {operand}",
                value=_fold(text, folding),
                operand=_fold(fill("{operand}::text", operand=operand), folding),
            )
        case nodes.OneOf(values, folding):
            template = (
                "{value} = ANY({texts}::text[])"
                if folding == nodes.EXACT
                else "{value} IN (SELECT {folded} FROM unnest({texts}::text[]) o)"
            )
            texts = [value for value in values if isinstance(value, str)]
            folded = _fold(Fragment("o"), folding)
            return fill(template, value=_fold(text, folding), folded=folded, texts=texts)
        case nodes.TextTest(operator, str(operand), folding):
            return fill(
                TEXT_TESTS[operator],
                value=_fold(text, folding),
                operand=_fold(fill("{operand}::text", operand=operand), folding),
            )
        case nodes.Matches(pattern, ignore_case):
            # Under another collation the database's locale would decide what a range contains.
            return fill(
                '{value} COLLATE "C" ~ {operand}::text',
                value=_fold(text, Folding(ignore_case)),
                operand=pattern,
            )
        case _:
            raise ValueError("The parser lets no other test of a text through.")


def _test_equality(element: Element, value: Scalar | OtherTrait, folding: Folding) -> Fragment:
    if isinstance(value, OtherTrait):
        return _test_equality_of_traits(element, Element(element.document, value.key), folding)
    if folding != nodes.EXACT:
        text = test_text(text_value(element), nodes.Equals(value, folding))
        return all_of([is_type(element, "string"), text])
    return _contains(element, value)


def _test_equality_of_traits(element: Element, other: Element, folding: Folding) -> Fragment:
    if folding != nodes.EXACT:
        return fill(
            "({is_text} AND {is_other_text} AND {value} = {operand})",
            is_text=is_type(element, "string"),
            is_other_text=is_type(other, "string"),
            value=_fold(text_value(element), folding),
            operand=_fold(text_value(other), folding),
        )
    return fill(
        "coalesce({value} = {operand}"
        " AND jsonb_typeof({value}) IN ('string', 'number', 'boolean'), FALSE)",
        value=json_value(element),
        operand=json_value(other),
    )


def _test_one_of(element: Element, values: Sequence[str | Decimal], folding: Folding) -> Fragment:
    numbers = [value for value in values if not isinstance(value, str)]
    conditions = []
    if len(numbers) < len(values):
        text = test_text(text_value(element), nodes.OneOf(tuple(values), folding))
        conditions.append(all_of([is_type(element, "string"), text]))
    if numbers:
        conditions.append(
            fill(
                "CASE WHEN {is_number} THEN {value}::numeric = ANY({numbers}::numeric[])"
                " ELSE FALSE END",
                is_number=is_type(element, "number"),
                value=json_value(element),
                numbers=numbers,
            )
        )
    return any_of(conditions)


def _contains(element: Element, value: object) -> Fragment:
    """Return the condition that the element is the scalar, or the list contains all values."""
    # Unlike =, the operator @> can use the index of the document. It compares scalars by type and
    # exact value. Its exception, that a list contains a bare scalar, is for the top level only.
    for step in reversed(element.path):
        value = {step: value}
    template = "({document} @> {operand}::jsonb)"
    return fill(template, document=element.document, operand=exact_json.dumps(value))


def _fold(text: Fragment, folding: Folding) -> Fragment:
    """Return the text without the differences that do not count."""
    plain = fill("segments_plain({text})", text=text) if folding.ignore_accents else text
    if not folding.ignore_case:
        return plain
    return fill("lower({text} COLLATE segments_simple)", text=plain)


def _test_comparison(
    element: Element, operator: nodes.Comparison, value: Decimal | OtherTrait
) -> Fragment:
    if isinstance(value, OtherTrait):
        other = Element(element.document, value.key)
        template = "CASE WHEN {is_number} AND {is_other_number} THEN {test} ELSE FALSE END"
        operand = fill("{value}::numeric", value=json_value(other))
        is_other_number = is_type(other, "number")
    else:
        template = "CASE WHEN {is_number} THEN {test} ELSE FALSE END"
        operand, is_other_number = fill("{value}::numeric", value=value), FALSE
    number = fill("{value}::numeric", value=json_value(element))
    return fill(
        template,
        is_number=is_type(element, "number"),
        is_other_number=is_other_number,
        test=fill(COMPARISONS[operator], value=number, operand=operand),
    )


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
    return test_quotient(value, Fragment("1"), test)


def test_quotient(value: Fragment, divisor: Fragment, test: Test) -> Fragment:
    """Return the condition that a quotient passes the test. Its divisor is positive or NULL.

    The test is exact, since operands are multiplied: a division would be rounded.
    """

    def scaled(operand: Decimal) -> Fragment:
        number = fill("{operand}::numeric", operand=operand)
        if divisor == Fragment("1"):
            return number
        return fill("({number} * {divisor})", number=number, divisor=divisor)

    match test:
        case nodes.Exists():
            return fill("({value} IS NOT NULL)", value=value)
        case nodes.Equals(Decimal() as operand):
            condition = fill("{value} = {operand}", value=value, operand=scaled(operand))
        case nodes.OneOf(values):
            operands = [scaled(number) for number in values if isinstance(number, Decimal)]
            condition = fill(
                "{value} IN ({operands})", value=value, operands=join_fragments(", ", operands)
            )
        case nodes.Compare(operator, Decimal() as operand):
            condition = fill(COMPARISONS[operator], value=value, operand=scaled(operand))
        case nodes.Between(low, high):
            condition = fill(
                "{value} BETWEEN {low} AND {high}",
                value=value,
                low=scaled(low),
                high=scaled(high),
            )
        case _:
            raise ValueError("The parser lets no other test of a number through.")
    return fill("coalesce({condition}, FALSE)", condition=condition)
