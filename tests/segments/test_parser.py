"""What the parser refuses, with the path of the fault, and the published schema."""

from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from segments.language.operators import NEGATABLE, READERS, ValueKind, operators_of
from segments.language.parser import DefinitionError, parse
from segments.language.schema import definition_schema
from tests.segments import strategies
from tests.tries import tries

EVENT = {"type": "event", "name": "Order Completed", "operator": "gte", "value": 1}
TRAIT = {"type": "trait", "key": "city", "operator": "equals", "value": "Lyon"}
FIELD = {"type": "property", "key": "sku", "operator": "equals", "value": "A"}
TIME = {"type": "time", "part": "hour", "operator": "in", "value": [9, 10]}
EVERYONE = {"type": "everyone"}
BUCKET = {"type": "bucket", "salt": "a", "from": 0, "to": 50}
REGULAR = {"type": "regular", "name": "a", "period": "week", "at_least": 3, "of": 4}
GEO = {"type": "geo", "key": "home", "within_km": 20, "of": [45.76, 4.84]}
LATER = {"within": {"days": 1}}


def sequence(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"type": "sequence", "steps": [{"name": "a", **step} for step in steps]}


def nested(depth: int) -> dict[str, Any]:
    node: dict[str, Any] = EVERYONE
    for _ in range(depth - 1):
        node = {"type": "not", "child": node}
    return node


REFUSED = [
    ([], "", "type"),
    ({}, "type", "required"),
    ({"AND": []}, "type", "required"),
    ({"type": "moon"}, "type", "choice"),
    ({"type": "list"}, "key", "required"),
    ({"type": "list", "key": 7}, "key", "type"),
    ({"type": "stated", "party": "second"}, "party", "choice"),
    ({"type": "stated", "party": "zero", "key": "address.city"}, "key", "invalid"),
    ({"type": "stated", "key": "city"}, "party", "required"),
    ({"type": "source", "key": "shop", "seen_within": 3}, "seen_within", "type"),
    (BUCKET | {"from": 50, "to": 50}, "to", "invalid"),
    (BUCKET | {"to": 101}, "to", "limit"),
    (BUCKET | {"salt": ""}, "salt", "required"),
    ({"type": "sequence", "steps": []}, "steps", "limit"),
    (sequence({"within": {"days": 1}}, LATER), "steps[0].within", "unknown_field"),
    (sequence({}, LATER | {"within": 3}), "steps[1].within", "type"),
    (sequence({}, {}), "steps[1].within", "required"),
    (sequence({}, LATER | {"absent": True}, LATER), "steps[1].absent", "invalid"),
    (sequence({}, LATER | {"absent": 1}), "steps[1].absent", "type"),
    (sequence({}, LATER | {"same": "sku"}), "steps[1].same", "type"),
    (
        sequence({}, LATER | {"same": {"property": "[]", "of_first": "sku"}}),
        "steps[1].same.property",
        "invalid",
    ),
    (
        sequence(
            {},
            LATER | {"same": {"property": "sku", "of_first": "sku"}},
            LATER | {"same": {"property": "sku", "of_first": "ean"}},
        ),
        "steps[2].same.of_first",
        "invalid",
    ),
    (sequence({"where": {"type": "moon"}}, LATER), "steps[0].where.type", "choice"),
    (REGULAR | {"at_least": 5}, "at_least", "limit"),
    (REGULAR | {"period": "moon"}, "period", "choice"),
    (REGULAR | {"of": 367}, "of", "limit"),
    ({"type": "identifier", "namespace": "email"}, "operator", "required"),
    (
        {"type": "identifier", "namespace": "email", "operator": "gt", "value": 1},
        "operator",
        "choice",
    ),
    (
        {"type": "identifier", "namespace": "email", "operator": "equals", "value": 1},
        "value",
        "type",
    ),
    (GEO | {"of": [45]}, "of", "type"),
    (GEO | {"of": [91, 0]}, "of[0]", "limit"),
    (GEO | {"within_km": -1}, "within_km", "limit"),
    (
        {"type": "segment", "key": "a", "entered_within": {"moons": 1}},
        "entered_within.moons",
        "unknown_field",
    ),
    ({"type": "and", "children": []}, "children", "required"),
    ({"type": "and"}, "children", "required"),
    ({"type": "or", "children": EVERYONE}, "children", "required"),
    ({"type": "not"}, "child", "required"),
    ({"type": "at_least", "count": 0, "children": [EVERYONE]}, "count", "limit"),
    ({"type": "at_least", "count": 2, "children": [EVERYONE]}, "count", "limit"),
    ({"type": "at_least", "count": 0.5, "children": [EVERYONE]}, "count", "limit"),
    (nested(11), "child" + ".child" * 9, "limit"),
    ({"type": "or", "children": [EVERYONE] * 201}, "children", "limit"),
    (TRAIT | {"colour": "red"}, "colour", "unknown_field"),
    (TRAIT | {"key": ""}, "key", "required"),
    (TRAIT | {"key": "a..b"}, "key", "invalid"),
    (TRAIT | {"key": 5}, "key", "type"),
    (TRAIT | {"operator": "is"}, "operator", "choice"),
    (TRAIT | {"operator": "on", "value": "today"}, "value", "invalid"),
    (TRAIT | {"operator": "this", "value": "fortnight"}, "value", "choice"),
    (TRAIT | {"operator": "not_this", "value": "month"}, "operator", "choice"),
    (TRAIT | {"operator": "between", "value": ["2026-02-01", 5]}, "value[1]", "type"),
    (TRAIT | {"operator": "between", "value": ["2026-02-01", "2026-01-01"]}, "value", "invalid"),
    (TRAIT | {"operator": "age_gte", "value": 151}, "value", "limit"),
    (TRAIT | {"operator": "in", "value": ["a", 1], "ignore_accents": True}, "value[1]", "type"),
    (
        TRAIT | {"operator": "matches", "value": "a", "ignore_accents": True},
        "ignore_accents",
        "invalid",
    ),
    (TRAIT | {"value": None}, "value", "type"),
    (TRAIT | {"value": "a\x00b"}, "value", "invalid"),
    (TRAIT | {"value": "\ud800"}, "value", "invalid"),
    (TRAIT | {"value": {"trait": ""}}, "value.trait", "required"),
    (TRAIT | {"value": {"trait": "a", "b": 1}}, "value.b", "unknown_field"),
    (TRAIT | {"operator": "exists"}, "value", "unknown_field"),
    (TRAIT | {"operator": "gt", "value": 1, "ignore_case": True}, "ignore_case", "invalid"),
    (TRAIT | {"value": 5, "ignore_case": True}, "value", "type"),
    (TRAIT | {"operator": "gt", "value": 1e300}, "value", "limit"),
    (TRAIT | {"operator": "gt", "value": float("nan")}, "value", "limit"),
    (TRAIT | {"operator": "in", "value": []}, "value", "limit"),
    (TRAIT | {"operator": "in", "value": ["a", True]}, "value[1]", "type"),
    (TRAIT | {"operator": "between", "value": [2, 1]}, "value", "invalid"),
    (TRAIT | {"operator": "before", "value": "2026-02-30"}, "value", "invalid"),
    (TRAIT | {"operator": "in_last", "value": {"days": 1, "hours": 1}}, "value", "invalid"),
    (TRAIT | {"operator": "in_last", "value": {"days": 0}}, "value.days", "limit"),
    (TRAIT | {"operator": "age_between", "value": [18, 17]}, "value", "invalid"),
    (TRAIT | {"operator": "matches", "value": "(?=a)"}, "value", "pattern"),
    ({"type": "trait", "key": "a", "operator": "equals"}, "value", "required"),
    (EVENT | {"name": ""}, "name", "required"),
    (EVENT | {"kind": "group"}, "kind", "choice"),
    (EVENT | {"aggregate": "median"}, "aggregate", "choice"),
    (EVENT | {"aggregate": "sum"}, "property", "required"),
    (EVENT | {"property": "revenue"}, "property", "invalid"),
    (EVENT | {"operator": "contains", "value": "a"}, "operator", "choice"),
    (EVENT | {"aggregate": "last_at"}, "operator", "choice"),
    (EVENT | {"value": {"trait": "age"}}, "value", "type"),
    (EVENT | {"window": {}}, "window", "invalid"),
    (EVENT | {"window": {"last": {"fortnights": 2}}}, "window.last.fortnights", "unknown_field"),
    (EVENT | {"window": {"last": {"days": 1}, "to": "2026-01-01"}}, "window", "invalid"),
    (EVENT | {"window": {"this": "moon"}}, "window.this", "choice"),
    (EVENT | {"window": {"this": "month", "from": "2026-01-01"}}, "window", "invalid"),
    (EVENT | {"window": {"between_ago": {"days": 1}}}, "window.between_ago", "type"),
    (
        EVENT | {"window": {"between_ago": [{"days": 1}, {"days": 1}]}},
        "window.between_ago",
        "invalid",
    ),
    (
        EVENT | {"window": {"between_ago": [{"days": 2}, {"moons": 1}]}},
        "window.between_ago[1].moons",
        "unknown_field",
    ),
    (EVENT | {"aggregate": "avg"}, "property", "required"),
    (EVENT | {"ignore_case": True}, "ignore_case", "invalid"),
    (EVENT | {"aggregate": "sum", "property": "products[].price"}, "property", "invalid"),
    (EVENT | {"aggregate": "last_at", "operator": "in_next"}, "operator", "choice"),
    (EVENT | {"where": FIELD | {"key": "products[].sku"}}, "where.key", "invalid"),
    (EVENT | {"where": {"type": "any", "key": "products"}}, "where.where", "required"),
    (
        EVENT | {"where": {"type": "any", "key": "a", "where": FIELD | {"type": "context"}}},
        "where.where.type",
        "choice",
    ),
    (EVENT | {"where": TIME | {"part": "minute"}}, "where.part", "choice"),
    (EVENT | {"where": TIME | {"operator": "exists"}}, "where.operator", "choice"),
    (EVENT | {"where": TIME | {"value": ["noon"]}}, "where.value[0]", "type"),
    (EVENT | {"where": TIME | {"zone": "Europe/Paris"}}, "where.zone", "choice"),
    (EVENT | {"window": {"from": "spring"}}, "window.from", "invalid"),
    (EVENT | {"where": {"type": "everyone"}}, "where.type", "choice"),
    (
        EVENT | {"where": TRAIT | {"type": "property", "value": {"trait": "a"}}},
        "where.value",
        "type",
    ),
    ({"type": "segment"}, "key", "required"),
    ({"type": "consent", "purpose": "newsletter"}, "permitted", "required"),
    ({"type": "consent", "purpose": "newsletter", "permitted": "yes"}, "permitted", "type"),
    (EVERYONE | {"value": 1}, "value", "unknown_field"),
    (
        {"type": "and", "children": [EVERYONE, EVENT | {"window": {"last": {"days": "x"}}}]},
        "children[1].window.last.days",
        "type",
    ),
]


@pytest.mark.parametrize(("definition", "path", "code"), REFUSED)
def test_a_definition_is_refused_with_the_path_of_its_fault(
    definition: Any, path: str, code: str
) -> None:
    with pytest.raises(DefinitionError) as refusal:
        parse(definition)
    assert [(fault.path, fault.code) for fault in refusal.value.errors] == [(path, code)]


def test_all_faults_of_a_definition_are_told_at_once() -> None:
    with pytest.raises(DefinitionError) as refusal:
        parse({"type": "or", "children": [TRAIT | {"key": ""}, EVERYONE, {"type": "moon"}]})
    paths = [fault.path for fault in refusal.value.errors]
    assert paths == ["children[0].key", "children[2].type"]


def test_a_refusal_lists_what_is_allowed() -> None:
    with pytest.raises(
        DefinitionError, match="allowed: days, hours, minutes, months, weeks, years"
    ):
        parse(EVENT | {"window": {"last": {"fortnights": 2}}})


# For each operator, an operand that it does not take.
WRONG = {
    "equals": [1],
    "in": "Lyon",
    "matches": 5,
    "between": 5,
    "before": 5,
    "after": True,
    "on": 5,
    "this": 1,
    "previous": "moon",
    **dict.fromkeys(("in_last", "in_next", "more_than_ago", "anniversary_in_next"), 90),
    **dict.fromkeys(("age_gte", "age_lte"), "18"),
    "age_between": [1, "2"],
    "includes": None,
    "includes_any": "a",
    "includes_all": [None],
    "includes_none": {},
    **dict.fromkeys(("contains", "starts_with", "ends_with"), 5),
    **dict.fromkeys(("gt", "gte", "lt", "lte"), "5"),
    **dict.fromkeys(("length_gte", "length_lte", "length_equals"), "2"),
}


def test_every_operator_has_a_wrong_operand_to_refuse() -> None:
    assert set(WRONG) == set(READERS)


@pytest.mark.parametrize("operator", operators_of(ValueKind.TRAIT))
def test_an_operator_refuses_an_operand_of_another_type(operator: str) -> None:
    plain = operator.removeprefix("not_")
    wrong = {"value": WRONG.get(plain, 1)}
    with pytest.raises(DefinitionError) as refusal:
        parse({"type": "trait", "key": "a", "operator": operator, **wrong})
    assert refusal.value.errors[0].path.startswith("value")


def test_negations_are_of_operators_that_there_are() -> None:
    assert set(NEGATABLE) <= {"exists", *READERS}


@settings(max_examples=tries(150), deadline=None)
@given(strategies.trees)
def test_whatever_the_parser_takes_is_valid_by_the_published_schema(definition: Any) -> None:
    parse(definition)
    jsonschema.Draft202012Validator(definition_schema()).validate(_plain(definition))


def test_the_schema_refuses_an_empty_group_and_an_unknown_leaf() -> None:
    validator = jsonschema.Draft202012Validator(definition_schema())
    assert validator.is_valid(TRAIT)
    assert not validator.is_valid({"type": "and", "children": []})
    assert not validator.is_valid({"type": "moon"})


def _plain(value: Any) -> Any:
    """The value with floats in place of decimals, which jsonschema does not know."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value if isinstance(value, str | bool | int) else float(value)
