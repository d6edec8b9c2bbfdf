"""Every input of an evaluation is named, and a global one that changes means a rebuild."""

import re
from dataclasses import fields

import pytest
from hypothesis import HealthCheck, given, settings
from pytest_django import Settings

from consent.services import PERMITTED
from profiles.models import ProfileChange
from segments.compiler import Context, compile_everyone, compile_scoped
from segments.definitions.inputs import INPUTS, global_inputs
from segments.language.parser import parse
from segments.services import rebuild, resume_rebuilds
from tests.factories import NOW
from tests.oracles.segment_worlds import NaivePerson
from tests.segments import drawn_people, strategies
from tests.segments.evaluations import build_segment, members_of, orders, trait
from tests.segments.worlds import PARIS, store_person

TABLE = re.compile(r"\b(?:FROM|JOIN)\s+((?:profiles|consent|segments)_\w+)\s")
KNOWN = {name for row in INPUTS for name in row.read_from}
ZONE_LEAF = {"type": "time", "part": "hour", "operator": "equals", "value": 3, "zone": "event"}


def test_every_field_of_the_context_is_an_input_that_is_named() -> None:
    assert {field.name for field in fields(Context)} <= KNOWN


def test_every_table_that_compiled_definitions_read_is_an_input_that_is_named() -> None:
    read: set[str] = set()

    # As many as it takes to meet every leaf, whatever share of examples is asked for.
    @settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
    @given(strategies.trees)
    def check(definition: dict[str, object]) -> None:
        everyone = parse({"type": "everyone"})
        segments = {"one": everyone, "two": everyone}
        context = Context(NOW, PARIS, PERMITTED, drawn_people.REFS, segments)
        node = parse(definition)
        scoped = compile_scoped([node], [1], context)
        texts = [compile_everyone(node, context).text, scoped.joins.text]
        texts += (condition.text for condition in scoped.conditions)
        read.update(table for text in texts for table in TABLE.findall(text))

    check()
    assert read <= KNOWN
    # A table that nothing reads any more has no place there. Conditions are over rows of the first.
    named = {name for name in KNOWN if name.startswith(("profiles_", "consent_"))}
    assert named == {table for table in read if not table.startswith("segments_")} | {
        "profiles_profile"
    }


def test_the_inputs_of_a_definition_are_those_that_it_reads() -> None:
    context = Context(NOW, PARIS, PERMITTED, week_start=6, zones=["UTC"])
    assert global_inputs(parse(trait("a", "exists")), context) == "Europe/Paris"
    weekly = orders(window={"this": "week"})
    assert global_inputs(parse(weekly), context) == "Europe/Paris; weeks from 6"
    local = global_inputs(parse(orders(where=ZONE_LEAF)), context)
    assert local.startswith("Europe/Paris; zones ")


@pytest.mark.django_db
def test_another_start_of_the_week_rebuilds_what_reads_it_and_queues_nobody(
    settings: Settings,
) -> None:
    # 15 March 2026 is a Sunday.
    monday, sunday = (
        store_person(NaivePerson(traits={"a": f"2026-03-{day}"})) for day in ("09", "15")
    )
    build_segment(trait("a", "this", "week"))
    build_segment(trait("a", "exists"), key="other")
    assert members_of() == {monday, sunday}
    assert resume_rebuilds(now=NOW) == 0
    ProfileChange.objects.all().delete()
    settings.WEEK_STARTS_ON = 6
    assert resume_rebuilds(now=NOW) == 1
    assert members_of() == {sunday}
    assert not ProfileChange.objects.exists()
    assert resume_rebuilds(now=NOW) == 0
    settings.TIME_ZONE = "America/New_York"
    assert resume_rebuilds(now=NOW) == 2
    rebuild(["kept"], now=NOW)
    assert resume_rebuilds(now=NOW) == 0
