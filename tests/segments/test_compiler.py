"""The compiler against the oracle, on random people, definitions and clocks, in both forms."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from random import randrange
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from consent.services import PERMITTED
from profiles.lib.exact_json import composed
from profiles.models import EventName
from segments.compiler import (
    Context,
    EventNameRef,
    Fragment,
    PartiesOfData,
    compile_everyone,
    compile_scoped,
    fill,
    join_fragments,
)
from segments.definitions.boundaries import measure_rfm, settle, with_boundaries
from segments.language.nodes import Node, Party, RfmModel
from segments.language.parser import parse
from segments.language.windows import read_window
from segments.models import Membership, Segment
from tests.oracles.segment_worlds import NaivePerson
from tests.oracles.segments import members
from tests.segments import drawn_people, strategies
from tests.segments.worlds import (
    GAPS,
    MODELS,
    PARIS,
    PARTIES,
    TRAIT_PARTIES,
    make_purpose,
    source_of,
    store_people,
    world_at,
)
from tests.tries import tries

pytestmark = pytest.mark.django_db
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

INSERT_CHANGE = """
INSERT INTO segments_membershipchange (segment_id, profile_id, changed_at, has_entered, reason)
VALUES (%s, %s, %s, TRUE, 'change')
"""
# Without shrinking: to make a failing definition smaller would take minutes.
UNSHRUNK = [Phase.explicit, Phase.reuse, Phase.generate]


def context_at(now: datetime, segments: Mapping[str, Any], *, is_present: bool) -> Context:
    context = Context(
        now=now,
        zone=PARIS,
        permitted=PERMITTED,
        names={
            (row.kind, row.name): EventNameRef(row.pk, row.value_property, row.reduces)
            for row in EventName.objects.all()
        },
        is_present=is_present,
        zones=drawn_people.ZONES,
        parties=PartiesOfData(
            {source_of(key).pk: Party(party) for key, party in PARTIES.items()},
            {key: Party(party) for key, party in TRAIT_PARTIES.items()},
        ),
        session_gaps={source_of(key).pk: minutes for key, minutes in GAPS.items()},
    )
    models = models_at(context)
    trees = {
        key: with_boundaries(parse(definition), [], models) for key, definition in segments.items()
    }
    return replace(context, segments=trees)


def models_at(context: Context) -> dict[str, RfmModel]:
    """The models of the strategies, with the boundaries of the context's time."""
    models = {
        key: RfmModel(
            row["event"],
            (row["value"],) if row["value"] else None,
            read_window(row["window"], "window") if "window" in row else None,
            None,
        )
        for key, row in MODELS.items()
    }
    return {
        key: replace(model, boundaries=measure_rfm(model, context).boundaries)
        for key, model in models.items()
    }


def settled(definitions: list[Any], context: Context) -> tuple[list[Node], Context]:
    """The definitions and the context with the boundaries of its time."""
    models, nodes = models_at(context), []
    for definition in definitions:
        node, context = settle(
            with_boundaries(parse(definition), [], models), context, is_afresh=False
        )
        nodes.append(node)
    return nodes, context


def run_full(definitions: list[Node], context: Context) -> list[set[int]]:
    conditions = [compile_everyone(definition, context) for definition in definitions]
    statement = fill(
        "SELECT p.id, ARRAY[{conditions}] FROM profiles_profile p",
        conditions=join_fragments(", ", conditions),
    )
    return run(statement, len(definitions))


def run_scoped(definitions: list[Node], ids: list[int], context: Context) -> list[set[int]]:
    scoped = compile_scoped(definitions, ids, context)
    statement = fill(
        "SELECT p.id, ARRAY[{conditions}] FROM profiles_profile p {joins}"
        " WHERE p.id = ANY({ids}::bigint[]) AND NOT p.is_restricted",
        joins=scoped.joins,
        ids=ids,
        conditions=join_fragments(", ", scoped.conditions),
    )
    return run(statement, len(definitions))


def run(statement: Fragment, count: int) -> list[set[int]]:
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
        rows = cursor.fetchall()
    return [{profile_id for profile_id, holds in rows if holds[index]} for index in range(count)]


def as_composed(value: Any) -> Any:
    """Return a definition with its texts in Unicode's normal form C."""
    match value:
        case str():
            return composed(value)
        case list():
            return [as_composed(inner) for inner in value]
        case dict():
            return {composed(key): as_composed(inner) for key, inner in value.items()}
        case _:
            return value


def some_people(count: int, **options: Any) -> list[NaivePerson]:
    """Random people. They are stored once for many definitions, since storing is slow."""
    people: list[NaivePerson] = []

    @seed(options.get("seed", 0))
    @settings(
        max_examples=count,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=QUIET,
    )
    @given(drawn_people.people)
    def draw(person: NaivePerson) -> None:
        people.append(person)

    draw()
    return people


def store_entries(people: Mapping[int, NaivePerson]) -> None:
    """Store since when people are members of the segments "one" and "two", and its history."""
    segments = {
        key: Segment.objects.create(key=key, name=key, definition={}, status="live")
        for key in ("one", "two")
    }
    for profile_id, person in people.items():
        for key, entered_at in person.entered.items():
            row = {"segment": segments[key], "profile_id": profile_id}
            Membership.objects.create(**row, entered_at=entered_at)
            with connection.cursor() as cursor:
                columns = [segments[key].pk, profile_id, entered_at]
                cursor.execute(INSERT_CHANGE, columns)


@pytest.mark.parametrize("batch", range(3))
def test_both_forms_say_what_the_oracle_says(batch: int) -> None:
    make_purpose()
    people = store_people(some_people(60, seed=randrange(1 << 30)))
    store_entries(people)

    # With three batches more than 5,000 definitions.
    @settings(
        max_examples=tries(45),
        deadline=None,
        suppress_health_check=QUIET,
        phases=UNSHRUNK,
    )
    @given(
        st.lists(strategies.trees, min_size=8, max_size=12),
        st.lists(strategies.plain_leaves, min_size=30, max_size=45),
        *[strategies.plain_trees] * 2,
        drawn_people.clocks,
        st.booleans(),
    )
    def check(
        trees: list[Any], leaves: list[Any], one: Any, inner: Any, now: datetime, is_present: bool
    ) -> None:
        two = {"type": "or", "children": [inner, {"type": "segment", "key": "one"}]}
        # As the parser reads them; the oracle takes texts as they are.
        segments = {"one": as_composed(one), "two": as_composed(two)}
        context = context_at(now, segments, is_present=is_present)
        world = world_at(now, segments, people=list(people.values()))
        definitions = [as_composed(tree) for tree in (*trees, *leaves)]
        nodes, context = settled(definitions, context)
        full = run_full(nodes, context)
        scoped = run_scoped(nodes, list(people), context)
        for index, definition in enumerate(definitions):
            expected = set(members(people, definition, world))
            assert full[index] == expected, definition
            assert scoped[index] == expected, definition

    check()
