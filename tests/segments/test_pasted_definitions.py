"""Whatever is pasted as JSON into a builder is shown with its faults, and never a server error."""

import json
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profiles.admin.kit.masks import Mask
from segments.admin.builder import suggestions
from segments.admin.builder.operations import OPERATIONS, Operation
from segments.admin.builder.paths import split_path
from segments.admin.builder.suggestions import Search
from segments.admin.builder.views import build
from segments.admin.flow import building, quantities
from segments.admin.flow.operations import OPERATIONS as FLOW_OPERATIONS
from tests.admin import sign_in
from tests.tries import tries

pytestmark = pytest.mark.django_db
WORDS = (
    *("type", "trigger", "steps", "then", "else", "branches", "test", "where", "exit", "goal"),
    *("again", "cap", "quiet", "hold_out", "texts", "en", "fr", "event", "name", "for", "until"),
    *("reasons", "is", "value", "webhook", "destination", "do", "percent", "at_most", "days"),
    *("children", "child", "operator", "aggregate", "property", "", "a.b", "[0]", "empty", "most"),
    *("window", "last", "kind", "key", "count", "from", "yearly"),
)
KINDS = (
    *("if", "split", "wait", "wait_event", "check", "mail", "enters", "date", "webhook"),
    *("and", "or", "not", "at_least", "event", "trait", "property", "any", "time", "sequence"),
)
LEAF = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)),
    *(st.text(max_size=5), st.sampled_from(KINDS)),
)
VALUES = st.recursive(
    LEAF,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5)
    ),
    max_leaves=30,
)
DEFINITIONS = st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=8)
PATHS = st.lists(st.sampled_from([*WORDS, "[0]", "[1]"]), max_size=4).map(".".join)
CHANGES = st.builds(
    Operation,
    st.sampled_from(["show", *OPERATIONS, *FLOW_OPERATIONS]),
    PATHS,
    st.one_of(PATHS, st.sampled_from(KINDS)),
    st.sampled_from(["text", "number", "flag", "json", *KINDS]),
    st.integers(0, 3),
)
BUILDERS: dict[str, Any] = {
    "builder/tree": build,
    "flow/tree": building.build,
    "flow/quantity": quantities.build,
}


@settings(max_examples=tries(300), suppress_health_check=[HealthCheck.too_slow])
@given(DEFINITIONS, CHANGES)
def test_any_json_is_shown_whatever_is_done_to_it(definition: Any, change: Operation) -> None:
    for template, builder in BUILDERS.items():
        built = builder(json.dumps(definition), change)
        assert "definition" in render_to_string(f"admin/segments/{template}.html", {"built": built})


@settings(max_examples=tries(150), suppress_health_check=[HealthCheck.too_slow])
@given(DEFINITIONS, PATHS.filter(split_path), st.sampled_from(["", "a", "%"]))
def test_any_place_has_suggestions_or_none(definition: Any, path: str, query: str) -> None:
    search = Search(definition, path, query, Mask(is_open=False))
    for suggest in (suggestions.suggest, building.suggest):
        assert isinstance(suggest(search), list)


@pytest.mark.parametrize(
    "path", ["", ".", "[0]", "steps[99]", "test.[", "where", "exit", "goal.where"]
)
def test_odd_places_are_answered(path: str) -> None:
    client = sign_in()
    for name in ("segment", "automation", "computedtrait"):
        for definition in ("{", "{}", '{"exit": 5, "goal": [], "where": 1}'):
            body = {"definition": definition, "path": path, "query": "a"}
            page = client.post(reverse(f"admin:segments_{name}_suggest"), body)
            assert page.status_code == 200


@pytest.mark.parametrize("depth", [5, 20, 300])
def test_what_is_nested_deeply_is_shown_or_refused(depth: int) -> None:
    client = sign_in()
    step: Any = {"type": "wait", "for": {"days": 1}}
    tree: Any = {"type": "everyone"}
    for _ in range(depth):
        step = {"type": "if", "test": {"type": "everyone"}, "then": [step]}
        tree = {"type": "and", "children": [tree]}
    automation = {"trigger": {"type": "event", "name": "Viewed"}, "steps": [step]}
    pages = {
        "segment_build": tree,
        "automation_build": automation,
        "automation_preview": automation,
        "computedtrait_build": {"name": "Viewed", "where": tree},
        "computedtrait_preview": {"name": "Viewed", "where": tree},
    }
    for name, definition in pages.items():
        body = {"definition": json.dumps(definition)}
        page = client.post(reverse(f"admin:segments_{name}"), body)
        assert page.status_code == 200, name
