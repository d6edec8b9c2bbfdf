"""Nearly in: the single leaf that is missing, and by how much."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from profiles.models import Profile
from segments.definitions.nearly import nearly_in
from segments.language.parser import child_definitions, parse
from segments.services import why
from tests.factories import make_client
from tests.oracles.segment_events import group_holds
from tests.oracles.segment_worlds import NaivePerson
from tests.segments import strategies
from tests.segments.evaluations import build_segment, negation, orders, trait
from tests.segments.worlds import order, store_person
from tests.tries import tries

pytestmark = pytest.mark.django_db
TWICE_IN_LYON = {
    "type": "and",
    "children": [orders("gte", 2), negation(trait("staff", "equals", True))],
}


def missing_of(definition: dict[str, Any], **person: Any) -> list[tuple[str, Decimal | None]]:
    profile = Profile.objects.get(pk=store_person(NaivePerson(**person)))
    return [tuple(row) for row in why(build_segment(definition), profile).missing]


def test_one_order_short() -> None:
    assert missing_of(TWICE_IN_LYON, events=[order(1)]) == [("children[0]", 1)]


def test_a_leaf_that_holds_can_be_what_keeps_somebody_out() -> None:
    found = missing_of(TWICE_IN_LYON, events=[order(1), order(2)], traits={"staff": True})
    assert found == [("children[1].child", None)]


def test_who_lacks_two_is_not_nearly_in_and_who_is_in_lacks_nothing() -> None:
    assert missing_of(TWICE_IN_LYON, events=[order(1)], traits={"staff": True}) == []


def test_whoever_is_in_or_restricted_lacks_nothing() -> None:
    assert missing_of(TWICE_IN_LYON, events=[order(1), order(2)]) == []


def test_a_restricted_person_is_not_nearly_in() -> None:
    assert missing_of(TWICE_IN_LYON, events=[order(1)], is_restricted=True) == []


def test_each_of_several_leaves_may_do_alone() -> None:
    either = {
        "type": "or",
        "children": [orders("gt", 50, aggregate="sum", property="revenue"), trait("vip", "exists")],
    }
    found = missing_of(either, events=[order(1, revenue=Decimal("12.5"))])
    assert found == [("children[0]", Decimal("37.5")), ("children[1]", None)]


def test_the_api_tells_it() -> None:
    profile = Profile.objects.get(pk=store_person(NaivePerson(events=[order(1)])))
    build_segment(orders("gte", 3))
    answer = make_client().get("/api/v1/segments/kept/why/", {"profile": str(profile.uuid)})
    assert answer.json()["missing"] == [{"path": "", "by": 2}]


def test_the_api_tells_how_many_each_part_keeps() -> None:
    for people in ([order(1)], [order(1), order(2)], []):
        store_person(NaivePerson(events=people, traits={"city": "Lyon"}))
    store_person(NaivePerson(events=[order(1)]))
    parts = [orders(), trait("city", "equals", "Lyon"), orders("gte", 2)]
    definition = {"type": "and", "children": parts}
    answer = make_client().post("/api/v1/segments/parts/", {"definition": definition})
    rows = {row.pop("path"): tuple(row.values()) for row in answer.json()["parts"]}
    assert rows == {"children[0]": (3, 3, 0), "children[1]": (3, 2, 0), "children[2]": (1, 1, 1)}
    leaf = make_client().post("/api/v1/segments/parts/", {"definition": orders()})
    assert leaf.json() == {"parts": []}


def truth_of(definition: Any, path: str, flipped: str) -> bool:
    """Whether a tree holds whose leaves are all false but the one at a path."""
    if not child_definitions(definition):
        return path == flipped
    answers = iter(
        truth_of(child, f"{path}.{field}{place if field == 'children' else ''}", flipped)
        for place, (field, child) in enumerate(child_definitions(definition))
    )
    return bool(group_holds(definition, lambda child: next(answers)))


@settings(max_examples=tries(200), deadline=None, suppress_health_check=list(HealthCheck))
@given(strategies.plain_trees)
def test_a_leaf_is_named_where_the_tree_would_hold_with_it_alone(definition: Any) -> None:
    def walk(node: Any, tree: Any, path: str) -> Any:
        yield node, tree, path
        inner = [node.child] if hasattr(node, "child") else getattr(node, "children", ())
        for place, (child, (field, below)) in enumerate(
            zip(inner, child_definitions(tree), strict=True)
        ):
            step = f"{path}.{field}{place if field == 'children' else ''}"
            yield from walk(child, below, step)

    root = parse(definition)
    visited = list(walk(root, definition, ""))
    answers = [(node, False) for node, _, _ in visited]
    named = {row.path for row in nearly_in(root, definition, answers, {})}
    leaves = [path for _, tree, path in visited if not child_definitions(tree)]
    expected = set()
    if not truth_of(definition, "", "none"):
        expected = {path for path in leaves if truth_of(definition, "", path)}

    assert {_plain(path) for path in named} == {_plain(path) for path in expected}


def _plain(path: str) -> str:
    return path.replace("[", "").replace("]", "").lstrip(".")
