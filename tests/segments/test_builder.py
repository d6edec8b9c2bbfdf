"""The builder: operations on definitions, widgets for every leaf of the language, suggestions."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.models import Profile, TraitDefinition
from segments.admin.builder.blanks import field_schema, leaf_schemas, new_leaf
from segments.admin.builder.operations import OPERATIONS, Operation, apply
from segments.admin.builder.outline import outline
from segments.admin.builder.paths import ABSENT, look_up
from segments.admin.builder.tree import Field, Node
from segments.language.operands import DefinitionError
from segments.language.operators import ValueKind, operators_of
from segments.language.parser import parse
from segments.language.shapes import Shape, blank_operand, shape_of
from tests.admin import sign_in
from tests.factories import make_profile, send_messages
from tests.segments import strategies
from tests.tries import tries

BUILD, SUGGEST = "admin:segments_segment_build", "admin:segments_segment_suggest"
TREES = ("node", "where", "element")
LEAVES = [(tree, kind) for tree in TREES for kind in leaf_schemas(tree)]


def source(key: str) -> dict[str, Any]:
    return {"type": "source", "key": key}


def group(kind: str, *children: Any) -> dict[str, Any]:
    return {"type": kind, "children": list(children)}


def after(definition: Any, name: str, path: str = "", value: str = "", kind: str = "text") -> Any:
    return apply(definition, Operation(name, path, value, kind)).definition


def placed(tree: str, leaf: Any) -> tuple[Any, str]:
    """Return a definition with the leaf in this kind of tree, and the leaf's path."""
    if tree == "node":
        return group("and", leaf), "children[0]"
    event = {"type": "event", "name": "Order Completed", "operator": "gte", "value": 1}
    if tree == "where":
        return group("and", {**event, "where": leaf}), "children[0].where"
    where = {"type": "any", "key": "products", "where": leaf}
    return group("and", {**event, "where": where}), "children[0].where.where"


def widgets(node: Node) -> Iterator[Field]:
    def below(fields: Any) -> Iterator[Field]:
        for field in fields:
            yield field
            yield from below(field.parts)

    for inner in node.walk():
        yield from below(inner.fields)


def fill_in(definition: Any, *, rounds: int = 3) -> Any:
    """Type something into every open text, as staff would, until none is left."""
    for _ in range(rounds):
        for field in list(widgets(outline(definition))):
            if field.widget == "text" and field.value == "":
                definition = after(definition, "set", field.path, "products", field.kind)
    return definition


@pytest.mark.parametrize(("tree", "kind"), LEAVES)
def test_every_leaf_of_the_language_is_added_filled_in_and_valid(tree: str, kind: str) -> None:
    definition, path = placed(tree, new_leaf("property", tree)) if tree != "node" else ({}, "")
    if tree == "node":
        definition = after(group("and", source("shop")), "add", "", kind=kind)
        path = "children[1]"
    else:
        definition = after(definition, "set", path, json.dumps(new_leaf(kind, tree)), "json")
    assert look_up(definition, path)["type"] == kind
    assert parse(fill_in(definition))


@pytest.mark.parametrize(("tree", "kind"), LEAVES)
def test_every_field_of_every_leaf_has_a_widget(tree: str, kind: str) -> None:
    definition, path = placed(tree, new_leaf(kind, tree))
    shown = {node.path: node for node in outline(definition).walk()}[path]
    # Also the fields that come and go with another one.
    definition = fill_in(definition)
    for place, _label in shown.extras:
        definition = after(definition, "with", place)
    assert parse(fill_in(definition))
    for name in leaf_schemas(tree)[kind]["properties"]:
        assert name in ("type", "permitted", "property", "ignore_case", "ignore_accents") or any(
            field.path.startswith(f"{path}.{name}") for field in widgets(outline(definition))
        ), name


@pytest.mark.parametrize("subject", list(ValueKind))
def test_every_operator_has_an_operand_of_its_shape(subject: ValueKind) -> None:
    leaves: dict[ValueKind, dict[str, Any]] = {
        ValueKind.TRAIT: {"type": "trait", "key": "a"},
        ValueKind.TEXT: {"type": "identifier", "namespace": "email"},
        ValueKind.NUMBER: {"type": "event", "name": "a"},
        ValueKind.MOMENT: {"type": "event", "name": "a", "aggregate": "last_at"},
        ValueKind.FIELD: {"type": "event", "name": "a", "aggregate": "last", "property": "b"},
        ValueKind.PART: {"type": "time", "part": "hour"},
    }
    for operator in operators_of(subject):
        leaf = {**leaves[subject], "operator": operator}
        if shape_of(operator) is not Shape.NOTHING:
            leaf["value"] = blank_operand(operator, subject) or "a"
        where = {"type": "event", "name": "a", "operator": "gte", "value": 1, "where": leaf}
        assert parse(where if subject is ValueKind.PART else leaf)


@given(definition=strategies.trees)
@settings(max_examples=tries(60), deadline=None)
def test_whatever_the_language_says_is_shown_and_comes_back(definition: Any) -> None:
    root = outline(definition)
    assert len(list(root.walk())) >= 1
    for field in widgets(root):
        # Setting each value to what it is changes nothing.
        if field.widget in ("text", "number", "select", "flag", "date"):
            value = look_up(definition, field.path)
            if value is ABSENT or isinstance(value, dict | list):
                continue
            text = value if isinstance(value, str) else json.dumps(value, default=str)
            kind = "text" if isinstance(value, str) else field.kind
            same = after(
                definition, "set", field.path, text.strip('"') if kind != "text" else text, kind
            )
            assert parse(same) == parse(definition), field


paths = st.sampled_from(
    ["", "children[0]", "children[1]", "children[1].children[0]", "children[9]", "children[0].key",
     "children[0].value[0]", "x", "[0]", "children", "children[0].window.last.days", "child"]
)  # fmt: skip
operations = st.builds(
    Operation,
    st.sampled_from([*OPERATIONS, "nonsense"]),
    paths,
    st.sampled_from(
        ["", "children[1]", "none", "fewer", "3", "{}", "[]", '{"type":"everyone"}', "between_ago",
         "number", "\ud800"]
    ),
    st.sampled_from(["text", "number", "flag", "json", "event:sum", "or", "trait", "nonsense"]),
    st.integers(0, 5),
)  # fmt: skip


@given(steps=st.lists(operations, max_size=6), definition=strategies.trees)
@settings(max_examples=tries(150), deadline=None)
def test_no_operation_fails_or_changes_what_was_before(
    steps: list[Operation], definition: Any
) -> None:
    for step in steps:
        before = deepcopy(definition)
        change = apply(definition, step)
        assert definition == before
        definition = change.definition
        if isinstance(definition, dict):
            outline(definition)


def test_groups_have_their_opposites() -> None:
    tree = group("and", source("a"), source("b"))
    none = after(tree, "group", "", "none")
    assert none == {"type": "not", "child": group("or", source("a"), source("b"))}
    assert outline(none).kind == "none"
    fewer = after(none, "group", "", "fewer")
    assert fewer["child"] == {**group("at_least", source("a"), source("b")), "count": 2}
    assert after(fewer, "group", "", "all") == tree


def test_a_leaf_is_turned_into_everybody_else_by_a_word() -> None:
    tree = group("and", source("a"), {"type": "consent", "purpose": "news", "permitted": True})
    turned = after(after(tree, "negate", "children[0]"), "negate", "children[1]")
    assert turned["children"] == [
        {"type": "not", "child": source("a")},
        {"type": "consent", "purpose": "news", "permitted": False},
    ]
    assert [str(node.word) for node in outline(turned).children] == ["is not", "does not"]
    assert after(after(turned, "negate", "children[0]"), "negate", "children[1]") == tree


def test_a_node_that_leaves_a_group_empty_takes_the_group_with_it() -> None:
    tree = group("and", source("a"), {"type": "not", "child": group("or", source("b"))})
    assert after(tree, "out", "children[1].child.children[0]") == group(
        "and", source("a"), source("b")
    )


def test_nothing_moves_into_itself_or_into_another_tree() -> None:
    event = {"type": "event", "name": "a", "operator": "gte", "value": 1}
    where = {**event, "where": group("and", {"type": "property", "key": "k", "operator": "exists"})}
    tree = group("and", group("or", source("a")), where)
    inner = "children[1].where.children[0]"
    for path, target in (
        ("children[0]", "children[0]"),
        (inner, ""),
        ("children[0]", "children[1].where"),
    ):
        change = apply(tree, Operation("move", path, target))
        assert (change.definition, bool(change.words)) == (tree, True)


def test_faults_stand_at_the_leaf_they_are_in() -> None:
    tree = group("and", source("a"), {"type": "trait", "key": "", "operator": "equals", "value": 1})
    with pytest.raises(DefinitionError) as raised:
        parse(tree)
    shown = outline(tree, raised.value.errors)
    assert [len(node.faults) for node in shown.children] == [0, 1]


@pytest.fixture
def people() -> None:
    """Twelve from Lyon and one from Nantes, one of whom has a religion."""
    for number in range(13):
        profile = make_profile(f"email:p{number}@example.org")
        traits = {"city": "Lyon" if number else "Nantes", "email": f"p{number}@example.org"}
        Profile.objects.filter(pk=profile.pk).update(traits=traits | {"religion": "none"})
    for key, category in (("city", "ordinary"), ("email", "contact"), ("religion", "special")):
        TraitDefinition.objects.create(key=key, type="text", category=category, is_reviewed=True)


def asked(client: Any, leaf: dict[str, Any], field: str, query: str = "") -> list[str]:
    body = {"definition": json.dumps(group("and", leaf)), "path": f"children[0].{field}"}
    answer = client.post(reverse(SUGGEST), body | {"query": query}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return [option.value for option in answer.context["options"]]


@pytest.mark.django_db
def test_values_are_suggested_of_ordinary_traits_that_people_share(people: None) -> None:
    city = {"type": "trait", "key": "city", "operator": "equals", "value": ""}
    for role, cities in (("", ["Lyon", "Nantes"]), ("marketer", ["Lyon"])):
        client = sign_in(role)
        assert asked(client, city, "value") == cities
        assert asked(client, city, "key", "cit") == ["city"]
        for key in ("email", "religion"):
            assert asked(client, {**city, "key": key}, "value") == []


@pytest.mark.django_db
def test_events_and_what_they_have_are_suggested() -> None:
    properties = {"revenue": 9, "category": "Shoes", "products": [{"sku": "a1"}], "email": "a@b.fr"}
    message = {
        "type": "track",
        "userId": "u1",
        "event": "Order Completed",
        "properties": properties,
    }
    send_messages(*[message | {"messageId": f"m{number}"} for number in range(12)])
    client, event = sign_in("marketer"), new_leaf("event") | {"name": "Order Completed"}
    assert asked(client, event, "name", "order") == ["Order Completed"]
    assert "revenue" in asked(client, event | {"aggregate": "sum", "property": ""}, "property")
    where = {"type": "property", "key": "category", "operator": "equals", "value": ""}
    assert asked(client, event | {"where": where}, "where.value") == ["Shoes"]
    assert asked(client, event | {"where": where | {"key": "email"}}, "where.value") == []
    inside = {"type": "any", "key": "products", "where": where | {"key": ""}}
    assert asked(client, event | {"where": inside}, "where.where.key") == ["sku"]


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00", '"', "{}", '{"type": 1}'])
def test_nonsense_is_shown_as_such(text: str) -> None:
    client = sign_in("marketer")
    answer = client.post(reverse(BUILD), {"definition": text, "op": "show"})
    assert answer.status_code == 200
    built = answer.context["built"]
    assert built.others or any(node.faults for node in built.root.walk())
    assert client.post(reverse(SUGGEST), {"definition": text, "path": "a[0].b"}).status_code == 200


@pytest.mark.django_db
def test_the_builder_is_for_those_who_write_segments() -> None:
    for url in (BUILD, SUGGEST):
        assert sign_in("steward").post(reverse(url), {"definition": "{}"}).status_code == 403


@pytest.mark.django_db
def test_a_trait_gets_the_operator_of_its_type() -> None:
    for key, kind in (("births", "date"), ("interests", "list"), ("score", "number")):
        TraitDefinition.objects.create(key=key, type=kind)
    leaf = json.dumps(group("and", new_leaf("trait")))
    operators = {}
    for key in ("births", "interests", "score", "unheard"):
        body = {"definition": leaf, "op": "set", "path": "children[0].key", "value": key}
        built = sign_in("marketer").post(reverse(BUILD), body).context["built"]
        operators[key] = built.change.definition["children"][0]["operator"]
    assert operators == {
        "births": "in_last",
        "interests": "includes",
        "score": "gte",
        "unheard": "equals",
    }


def test_paths_of_optional_fields_lead_to_their_schema() -> None:
    steps = {"type": "sequence", "steps": [{"name": "a"}, {"name": "b", "within": {"days": 1}}]}
    schema = field_schema(group("and", steps), "children[0].steps[1].same")
    assert set(schema["properties"]) == {"property", "of_first"}
    with pytest.raises(LookupError):
        field_schema(group("and", steps), "children[0].nonsense")
