"""Each example of docs/segments.md means what the oracle says, in both forms, for made people."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from profiles.lib import exact_json
from segments.compiler import compile_scoped, fill
from segments.definitions.live import make_context, read_live_definitions
from segments.language.parser import parse
from tests.factories import NOW
from tests.oracles.segments import NaivePerson, members
from tests.segments.documented_people import PEOPLE
from tests.segments.evaluations import build_segment, who
from tests.segments.worlds import make_purpose, store_people, world_at

pytestmark = pytest.mark.django_db
EXAMPLES = re.findall(r"```json\n(.*?)```", Path("docs/segments.md").read_text(), re.DOTALL)
STAFF = {"type": "trait", "key": "staff", "operator": "equals", "value": True}


def scoped(definition: Mapping[str, Any], people: Mapping[int, str]) -> set[str]:
    context = make_context(read_live_definitions().nodes, now=NOW)
    compiled = compile_scoped([parse(definition)], list(people), context)
    statement = fill(
        "SELECT p.id FROM profiles_profile p {joins}"
        " WHERE p.id = ANY({ids}::bigint[]) AND {condition}",
        joins=compiled.joins,
        ids=list(people),
        condition=compiled.conditions[0],
    )
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
        return {people[profile_id] for (profile_id,) in cursor.fetchall()}


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_holds_for_some_people_and_for_those_of_the_oracle(number: int) -> None:
    make_purpose()
    build_segment(STAFF, key="staff")
    definition = exact_json.loads(EXAMPLES[number])
    by_name: dict[str, NaivePerson] = PEOPLE
    world = world_at(NOW, {"staff": STAFF})
    expected = {name for name in by_name if name in members_by_name(definition, world)}
    assert expected
    assert expected < set(by_name)
    assert who(definition, by_name) == expected
    ids = dict(zip(store_people(list(by_name.values())), by_name, strict=True))
    assert scoped(definition, ids) == expected


def members_by_name(definition: Any, world: Any) -> set[Any]:
    numbered: dict[Any, NaivePerson] = dict(PEOPLE)
    return set(members(numbered, definition, world))
