"""The builder of automations: what can be added, and what each operation does."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from profiles.lib import exact_json
from segments.admin.builder.operations import Operation
from segments.admin.builder.paths import look_up
from segments.admin.builder.tree import Field
from segments.admin.flow.building import build
from segments.admin.flow.forms import AGAIN, CHECKS, MAILS, OPEN, RULES, STEPS, TRIGGERS, new_of
from segments.admin.flow.operations import apply
from segments.admin.flow.outline import make_flow
from segments.automations.parser import KINDS, parse_automation
from segments.computed.definition import read_quantity
from segments.language.operands import DefinitionError
from segments.models import Automation, MailTemplate
from segments.services import templates
from tests.admin import sign_in
from tests.factories import make_purpose

pytestmark = pytest.mark.django_db
BUILD, SUGGEST, PREVIEW = (
    f"admin:segments_automation_{each}" for each in ("build", "suggest", "preview")
)
TRIGGER = {"type": "event", "name": "Product Added"}
# What only the author of an automation knows.
KNOWN = {
    "name": "Order Completed",
    "same": "cart_id",
    "salt": "a",
    "template": "basket",
    "webhook": "0198b5a2-0000-7000-8000-000000000000",
    "destination": "0198b5a2-0000-7000-8000-000000000001",
    "list": "vip",
    "key": "tier",
    "value": "gold",
    "pool": "spring",
    "segment": "lyon",
    "trait": "birth_date",
    "subject": "Hello",
    "text": "Hello",
}


def filled(value: Any) -> Any:
    """The same with what is still empty filled in."""
    if value == OPEN:
        return {"type": "everyone"}
    if isinstance(value, list):
        return [filled(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: KNOWN[name] if inner == "" and name in KNOWN else filled(inner)
        for name, inner in value.items()
    }


def done(definition: Any, *operations: Operation) -> Any:
    for operation in operations:
        definition = apply(definition, operation).definition
    return definition


def automation(*steps: Any, **rules: Any) -> dict[str, Any]:
    return {"trigger": dict(TRIGGER), "steps": list(steps), **rules}


def test_every_kind_that_the_parser_reads_can_be_added() -> None:
    assert set(STEPS) == set(KINDS)
    for kind in STEPS:
        parse_automation(filled(automation(new_of(STEPS, kind))))
    with pytest.raises(DefinitionError) as error:
        parse_automation({"trigger": {"type": "nothing"}, "steps": []})
    assert all(kind in error.value.errors[0].detail for kind in TRIGGERS)
    for kind in TRIGGERS:
        parse_automation(filled({"trigger": new_of(TRIGGERS, kind), "steps": []}))


@pytest.mark.parametrize("kind", STEPS)
def test_what_a_step_may_have_besides_is_taken_and_given_back(kind: str) -> None:
    bare = automation(new_of(STEPS, kind))
    for name in STEPS[kind].optional:
        path = f"steps[0].{name}"
        with_it = done(bare, Operation("with", path))
        parse_automation(filled(with_it))
        if kind != "wait":
            assert done(with_it, Operation("remove", path)) == bare


def test_rules_come_and_go() -> None:
    for name in RULES:
        with_it = done(automation(), Operation("with", name))
        parse_automation(filled(with_it))
        assert done(with_it, Operation("remove", name)) == automation()
    for word in AGAIN:
        parse_automation(done(automation(again="never"), Operation("again", "again", word)))


def test_a_mail_and_a_check_take_each_of_their_forms() -> None:
    for form in MAILS:
        step = new_of(STEPS, "mail")
        parse_automation(filled(done(automation(step), Operation("mail_by", "steps[0]", form))))
    for form in CHECKS:
        step = new_of(STEPS, "check")
        parse_automation(filled(done(automation(step), Operation("ask", "steps[0]", form))))


def test_steps_move_along_into_ways_and_out_of_them() -> None:
    wait, fork = new_of(STEPS, "wait"), new_of(STEPS, "if")
    first = automation(wait, fork)
    inside = done(first, Operation("in", "steps[0]"))
    assert inside == automation(fork | {"then": [wait]})
    assert apply(first, Operation("in", "steps[0]")).focus == "steps[0].then[0]"
    assert done(inside, Operation("out", "steps[0].then[0]")) == automation(fork, wait)
    assert done(first, Operation("down", "steps[0]")) == automation(fork, wait)
    assert apply(first, Operation("up", "steps[0]")).words == "This cannot be done here."
    into_else = Operation("move", "steps[0]", "steps[1].else", index=0)
    assert done(first, into_else) == automation(fork | {"else": [wait]})
    split = new_of(STEPS, "split")
    branched = done(automation(split, wait), Operation("in", "steps[1]"))
    assert look_up(branched, "steps[0].branches[0].steps") == [wait]
    out = Operation("out", "steps[0].branches[0].steps[0]")
    assert done(branched, out) == automation(split, wait)
    deep = automation(fork | {"then": [done(branched)["steps"][0]]})
    assert done(deep, replace(out, path="steps[0].then[0].branches[0].steps[0]")) == automation(
        fork | {"then": [split, wait]}
    )
    # A step goes on no way of its own.
    own = Operation("move", "steps[0]", "steps[0].then")
    assert done(automation(fork), own) == automation(fork)


def test_conditions_are_built_as_those_of_segments() -> None:
    asked = done(
        automation(new_of(STEPS, "if")),
        Operation("add", "steps[0].test", kind="trait"),
        Operation("set", "steps[0].test.children[0].key", "city"),
        Operation("set", "steps[0].test.children[0].value", "Lyon"),
        Operation("negate", "steps[0].test.children[0]"),
    )
    lives = {"type": "trait", "key": "city", "operator": "equals", "value": "Lyon"}
    test = {"type": "and", "children": [{"type": "not", "child": lives}]}
    assert asked == automation(new_of(STEPS, "if") | {"test": test})
    where = done(
        automation(),
        Operation("with", "trigger.where"),
        Operation("set", "trigger.where.key", "price"),
    )
    assert where["trigger"]["type"] == "event"
    assert (where["trigger"]["where"]["type"], where["trigger"]["where"]["key"]) == (
        "property",
        "price",
    )
    assert done(where, Operation("remove", "trigger.where")) == automation()


def test_the_trigger_becomes_another_and_keeps_what_both_have() -> None:
    entered = done(automation(), Operation("become", "trigger", "enters"))
    named = done(entered, Operation("set", "trigger.segment", "lyon"))
    left = done(named, Operation("become", "trigger", "leaves"))
    assert left["trigger"] == {"type": "leaves", "segment": "lyon"}
    because = done(
        left,
        Operation("with", "trigger.reasons"),
        Operation("toggle", "trigger.reasons", kind="merge"),
        Operation("toggle", "trigger.reasons", kind="change"),
    )
    assert because["trigger"]["reasons"] == ["merge"]


PATHS = st.sampled_from(
    [
        *("", "trigger", "trigger.where", "steps", "steps[0]", "steps[1]", "steps[2]"),
        *("steps[0].then", "steps[0].then[0]", "steps[1].branches", "steps[1].branches[0].steps"),
        *("steps[1].branches[0].steps[0]", "steps[0].test", "steps[0].test.children[0]", "exit"),
        *("goal", "goal.where", "quiet", "steps[2].for", "steps[0].else", "nothing[3].here"),
    ]
)
OPERATIONS = st.builds(
    Operation,
    st.sampled_from(
        [
            *("add", "move", "up", "down", "in", "out", "with", "become", "ask", "mail_by"),
            *("again", "toggle", "set", "remove", "double", "rename", "negate", "group", "append"),
        ]
    ),
    PATHS,
    st.one_of(PATHS, st.sampled_from([*STEPS, *TRIGGERS, "never", "member", "all", "days"])),
    st.sampled_from([*STEPS, "text", "number", "json", "trait", "or"]),
    st.integers(0, 5),
)


@given(st.lists(OPERATIONS, max_size=12))
def test_no_row_of_operations_breaks_the_builder(operations: list[Operation]) -> None:
    definition = automation(
        *(new_of(STEPS, kind) for kind in ("if", "split", "wait")), exit={"type": "everyone"}
    )
    for operation in operations:
        before = deepcopy(definition)
        change = apply(definition, operation)
        assert definition == before
        definition = change.definition
        assert isinstance(definition, dict)
        shown = make_flow(definition)
        # Whatever is shown stands somewhere in the definition.
        for card in shown.walk():
            assert look_up(definition, card.path) is not None
            assert all(isinstance(each, Field) for each in card.fields)


@pytest.mark.parametrize("template", templates(), ids=lambda each: each.key)
def test_the_ready_ones_are_shown_without_losing_anything(template: Any) -> None:
    built = build(exact_json.dumps(template.definition), Operation("show"))
    assert list(built.flow.walk())
    assert [each.code for each in built.flow.others] == []


def test_the_pages_build_suggest_and_tell(client: Client) -> None:
    make_purpose(key="newsletter")
    MailTemplate.objects.create(key="basket", name="Basket", texts={})
    marketer = sign_in("marketer")
    page = marketer.get(reverse("admin:segments_automation_add")).content.decode()
    assert 'data-op="become"' in page
    definition = '{"trigger": {"type": "event", "name": "Product Added"}, "steps": []}'
    body = {"definition": definition, "op": "add", "path": "steps", "as": "mail"}
    shown = marketer.post(reverse(BUILD), body).content.decode()
    assert 'data-node="steps[0]"' in shown
    with_mail = definition.replace("[]", '[{"type": "mail", "template": ""}]')
    body = {"definition": with_mail, "path": "steps[0].template", "query": "bas"}
    assert "basket" in marketer.post(reverse(SUGGEST), body).content.decode()
    told = marketer.post(reverse(PREVIEW), {"definition": definition}).content.decode()
    assert "When “Product Added” happens" in told
    assert client.post(reverse(BUILD), body).status_code == 302
    new = {"key": "basket", "name": "Basket", "priority": "100", "definition": definition}
    purpose = make_purpose(key="offers")
    saved = marketer.post(
        reverse("admin:segments_automation_add"), new | {"purpose": str(purpose.pk)}
    )
    assert saved.status_code == 302
    assert Automation.objects.get().definition["trigger"]["name"] == "Product Added"


@pytest.mark.parametrize("where", [5, {}, {"type": "nothing"}, {"type": "property", "key": ""}])
def test_a_faulty_condition_of_an_event_is_said_with_its_path(where: Any) -> None:
    event = {"name": "Order Completed", "where": where}
    wait = filled(new_of(STEPS, "wait_event") | {"event": event})
    for definition, place in (
        (automation(wait), "steps[0].event.where"),
        (automation(goal=event), "goal.where"),
        ({"trigger": {"type": "event", **event}, "steps": []}, "trigger.where"),
    ):
        with pytest.raises(DefinitionError) as error:
            parse_automation(definition)
        assert [fault.path.startswith(place) for fault in error.value.errors] == [True]
    with pytest.raises(DefinitionError) as error:
        read_quantity(event)
    assert [fault.path.startswith("where") for fault in error.value.errors] == [True]
