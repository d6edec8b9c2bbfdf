"""Short ways to write definitions, to evaluate them, and to build live segments."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection

from profiles.models import Profile
from profiles.registry import Person, registry
from segments.compiler import Fragment, compile_everyone, compile_scoped, fill
from segments.definitions.boundaries import read_models, settle, with_boundaries
from segments.definitions.live import make_context, read_live_definitions
from segments.language.parser import parse
from segments.models import Membership, Segment
from segments.services import create_segment, rebuild
from tests.factories import NOW, TESTER
from tests.oracles.segment_worlds import NaivePerson
from tests.segments.worlds import store_people

SELECT = "SELECT p.id FROM profiles_profile p {joins} WHERE p.id = ANY({ids}::bigint[]) AND {holds}"


def trait(key: str, operator: str, *value: Any, **options: Any) -> dict[str, Any]:
    operand = {"value": value[0]} if value else {}
    return {"type": "trait", "key": key, "operator": operator, **operand, **options}


def orders(operator: str = "gte", value: Any = 1, **options: Any) -> dict[str, Any]:
    return {
        "type": "event",
        "name": "Order Completed",
        "operator": operator,
        "value": value,
        **options,
    }


def negation(child: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "not", "child": child}


def who(
    definition: Mapping[str, Any], people: Mapping[str, NaivePerson], now: datetime = NOW
) -> set[str]:
    """The names of the people who match. They are stored first."""
    names = dict(zip(store_people(list(people.values())), people, strict=True))
    context = make_context(read_live_definitions().nodes, now=now)
    condition = compile_everyone(parse(definition), context)
    statement = fill("SELECT p.id FROM profiles_profile p WHERE {condition}", condition=condition)
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
        return {names[profile_id] for (profile_id,) in cursor.fetchall() if profile_id in names}


def by_both_forms(definition: Mapping[str, Any], people: Mapping[int, str]) -> list[set[str]]:
    """The names of the people who match: asked of everybody, and of these people only."""
    context = make_context(read_live_definitions().nodes, now=NOW)
    node = with_boundaries(parse(definition), [], read_models())
    node, context = settle(node, context, is_afresh=False)
    scoped = compile_scoped([node], list(people), context)
    answers = []
    for joins, holds in (
        (Fragment(""), compile_everyone(node, context)),
        (scoped.joins, scoped.conditions[0]),
    ):
        statement = fill(SELECT, joins=joins, ids=list(people), holds=holds)
        with connection.cursor() as cursor:
            cursor.execute(statement.text, statement.params)
            answers.append({people[profile_id] for (profile_id,) in cursor.fetchall()})
    return answers


def with_values(*values: Any) -> dict[str, NaivePerson]:
    """One person for each value of the trait `a`, named after it, and one without the trait."""
    people = {repr(value): NaivePerson(traits={"a": value}) for value in values}
    return people | {"missing": NaivePerson()}


def build_segment(
    definition: Mapping[str, Any], *, key: str = "kept", now: datetime = NOW
) -> Segment:
    """A live segment whose memberships have been computed."""
    segment = create_segment(key=key, name=key, definition=definition, actor=TESTER, status="live")
    rebuild([key], now=now)
    segment.refresh_from_db()
    return segment


def members_of(key: str = "kept") -> set[int]:
    return set(Membership.objects.filter(segment__key=key).values_list("profile_id", flat=True))


def change_traits(profile_id: int, **traits: Any) -> None:
    Profile.objects.filter(pk=profile_id).update(traits=traits)


def erase(profile: Profile) -> None:
    """Erase what this app has of a person."""
    person = Person(profile.pk, str(profile.uuid), (), ())
    for declaration in registry.in_order_of_erasure():
        if declaration.label.startswith("segments."):
            declaration.erase(person)
