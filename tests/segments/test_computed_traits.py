"""Computed traits equal what a naive reading of the events gives, and follow them."""

from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from profiles.lib import exact_json
from profiles.lib.change_queue import mark_changed
from profiles.models import (
    ComputedValue,
    DecisionVerdict,
    Identifier,
    IdentityDecision,
    Profile,
    ProfileChange,
    TraitDefinition,
)
from profiles.services import NewDecision, decide, undo_decision
from segments.computed import settle, values
from segments.computed.definition import read_quantity
from segments.language.operands import DefinitionError
from segments.lib.moments import LATEST
from segments.models import ComputedTrait, Segment
from segments.services import (
    SegmentError,
    create_computed_trait,
    create_segment,
    end_computed_trait,
    rebuild,
    refresh_changed,
    update_computed_trait,
    verify_computed,
)
from tests.admin import sign_in
from tests.factories import NOW, TESTER, make_client, profile_of, send_messages
from tests.oracles.segment_events import counts
from tests.oracles.segment_values import MISSING
from tests.oracles.segment_worlds import NaiveEvent, NaivePerson
from tests.oracles.segments import measured
from tests.segments import drawn_people, strategies
from tests.segments.worlds import add_events, store_people, world_at
from tests.tries import tries

pytestmark = pytest.mark.django_db
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
UNSHRUNK = [Phase.explicit, Phase.reuse, Phase.generate]
ROUTE = "/api/v1/computed-traits/"
ORDERS = {"name": "Order Completed"}
REVENUE = {**ORDERS, "aggregate": "sum", "property": "revenue"}
TESTED = ("type", "operator", "value", "window", "ignore_case", "ignore_accents")


def definition_of(leaf: dict[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in leaf.items() if name not in TESTED}


def is_readable(definition: dict[str, Any]) -> bool:
    try:
        read_quantity(definition)
    except DefinitionError:
        return False
    return True


quantities = strategies.event_leaves().map(definition_of).filter(is_readable)


def naive_value(events: list[NaiveEvent], definition: dict[str, Any]) -> Any:
    """What the events give, whatever the time is; None without any that counts."""
    counted = [event for event in events if counts(event, definition, world_at(LATEST))]
    value = MISSING
    if counted:
        value = measured(NaivePerson(events=events), definition, world_at(LATEST))
    if value is MISSING:
        return None
    if isinstance(value, Fraction):
        return round(value, 6)
    if definition.get("aggregate") in ("first_at", "last_at"):
        return datetime.fromisoformat(value)
    return value


def as_naive(value: Any, definition: dict[str, Any]) -> Any:
    if value is not None and definition.get("aggregate") in ("first_at", "last_at"):
        return datetime.fromisoformat(value)
    if value is not None and definition.get("aggregate") in ("avg", "days_between"):
        return Fraction(value)
    return value


def compute(key: str, definition: dict[str, Any]) -> ComputedTrait:
    trait = create_computed_trait(key=key, definition=definition, actor=TESTER)
    refresh_changed(now=NOW)
    return trait


def traits_of(profile_id: int) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT traits::text FROM profiles_profile WHERE id = %s", [profile_id])
        traits: dict[str, Any] = exact_json.loads(cursor.fetchone()[0])
        return traits


@settings(max_examples=tries(150), deadline=None, suppress_health_check=QUIET, phases=UNSHRUNK)
@given(
    st.lists(drawn_people.people, min_size=1, max_size=4),
    st.lists(quantities, min_size=1, max_size=6),
)
def test_values_equal_a_naive_reading_of_all_events(
    people: list[NaivePerson], definitions: list[dict[str, Any]]
) -> None:
    stored = store_people(people)
    computations = [
        values.Computation(number, number, read_quantity(definition))
        for number, definition in enumerate(definitions)
    ]
    computed = values.compute_values(computations, list(stored))
    for profile_id, person in stored.items():
        for number, definition in enumerate(definitions):
            expected = naive_value(person.events, definition)
            assert as_naive(computed[profile_id][number], definition) == expected, definition


histories = st.lists(
    st.one_of(
        st.tuples(st.just("order"), st.integers(0, 3), st.integers(0, 5)),
        st.tuples(st.just("login"), st.integers(0, 3), st.integers(0, 1)),
        st.tuples(st.just("define"), st.integers(0, 3), st.just(0)),
        st.tuples(st.just("end"), st.just(0), st.just(0)),
        st.tuples(st.just("refresh"), st.just(0), st.just(0)),
        st.tuples(st.just("same"), st.integers(0, 3), st.integers(0, 3)),
        st.tuples(st.just("undo"), st.just(0), st.just(0)),
    ),
    min_size=3,
    max_size=12,
)
CHOICES: list[dict[str, Any]] = [
    REVENUE,
    {**ORDERS, "aggregate": "last", "property": "city"},
    {**ORDERS, "where": {"type": "property", "key": "revenue", "operator": "gte", "value": 2}},
    {**ORDERS, "aggregate": "most_frequent", "property": "city"},
]


def play(number: int, step: tuple[str, int, int]) -> None:
    kind, one, other = step
    if kind == "order":
        order = {"revenue": other, "city": f"C{other % 3}"}
        send_messages(
            {
                "type": "track",
                "event": "Order Completed",
                "anonymousId": f"a{one}",
                "properties": order,
                "messageId": f"m{number}",
                "timestamp": f"2026-03-{number + 1:02}T10:00:00Z",
            }
        )
    elif kind == "login":
        send_messages({"anonymousId": f"a{one}", "userId": f"u{other}"})
    elif kind == "define":
        if row := ComputedTrait.objects.filter(trait__key="chosen", is_ending=False).first():
            update_computed_trait(row, actor=TESTER, changes={"definition": CHOICES[one]})
        elif not ComputedTrait.objects.exists():
            create_computed_trait(key="chosen", definition=CHOICES[one], actor=TESTER)
    elif kind == "end":
        for row in ComputedTrait.objects.all():
            end_computed_trait(row, actor=TESTER)
    elif kind == "refresh":
        refresh_changed()
    elif kind == "same" and one != other:
        sides = Identifier.objects.filter(
            namespace="anonymous_id", value__in=[f"a{one}", f"a{other}"]
        )
        if sides.count() == 2:
            decide(NewDecision(DecisionVerdict.SAME, *sides, reason="Told."), actor=TESTER)
    elif kind == "undo":
        for decision in IdentityDecision.objects.filter(ended_at=None)[:1]:
            undo_decision(decision, actor=TESTER)


@settings(max_examples=tries(40), deadline=None, suppress_health_check=QUIET)
@given(histories)
def test_incremental_values_equal_full_ones_through_merges_and_new_definitions(
    history: list[tuple[str, int, int]],
) -> None:
    with transaction.atomic():
        for number, step in enumerate(history):
            play(number, step)
        refresh_changed()
        assert_settled()
        transaction.set_rollback(True)


def assert_settled() -> None:
    assert not ProfileChange.objects.filter(awaits_traits=True).exists()
    rows = list(ComputedTrait.objects.all())
    assert all(row.woken_to is None and not row.is_ending for row in rows)
    assert not any(verify_computed().values())
    keys = {row.trait_id: row.trait.key for row in rows}
    for profile in Profile.objects.all():
        stored = {
            keys[trait]: value
            for trait, value in ComputedValue.objects.filter(profile=profile).values_list(
                "trait_id", "value"
            )
        }
        assert {key: profile.traits.get(key) for key in stored} == stored
        assert "chosen" in stored or "chosen" not in profile.traits
    call_command("verify_profiles")


def test_a_trait_follows_events_and_segments_follow_it_in_the_same_refresh() -> None:
    compute("spent", REVENUE)
    rich = {"type": "trait", "key": "spent", "operator": "gte", "value": 100}
    create_segment(key="rich", name="Rich", definition=rich, status="live", actor=TESTER)
    rebuild(["rich"])
    for number, revenue in enumerate([60, 60.5]):
        order = {"type": "track", "event": "Order Completed", "userId": "ada"}
        send_messages({**order, "properties": {"revenue": revenue}, "messageId": f"m{number}"})
        refresh_changed()
        assert Segment.objects.get(key="rich").size == number
    assert traits_of(profile_of("user_id:ada").pk)["spent"] == Decimal("120.5")


def test_people_who_are_here_already_are_computed_and_an_ended_trait_is_gone() -> None:
    stored = store_people([NaivePerson(events=[order_of(3)]), NaivePerson(events=[])])
    with_order, without = stored
    row = compute("spent", REVENUE)
    assert traits_of(with_order)["spent"] == 3
    assert "spent" not in traits_of(without)
    end_computed_trait(row, actor=TESTER)
    refresh_changed(now=NOW)
    assert "spent" not in traits_of(with_order)
    assert not TraitDefinition.objects.filter(key="spent").exists()
    assert not ComputedValue.objects.exists()


def order_of(revenue: Any, **properties: Any) -> NaiveEvent:
    return NaiveEvent("Order Completed", NOW, properties={"revenue": revenue, **properties})


def test_a_new_definition_reaches_those_whom_only_the_old_one_concerned() -> None:
    (pk,) = store_people([NaivePerson(events=[order_of(3)])])
    row = compute("spent", REVENUE)
    changes = {"definition": {"name": "Never Seen"}}
    update_computed_trait(row, actor=TESTER, changes=changes)
    refresh_changed(now=NOW)
    assert "spent" not in traits_of(pk)


def test_everybody_is_woken_in_batches_and_no_further_than_the_queue_has_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored = store_people([NaivePerson(events=[order_of(n)]) for n in range(5)])
    create_computed_trait(key="spent", definition=REVENUE, actor=TESTER)
    monkeypatch.setattr(settle, "MOST_WAITING", 2)
    settle.wake_everybody(batch=2)
    assert ProfileChange.objects.filter(awaits_traits=True).count() == 2
    for _ in range(3):
        refresh_changed(now=NOW)
    settle.settle_changes()
    assert [traits_of(pk)["spent"] for pk in stored] == [0, 1, 2, 3, 4]


def test_a_trait_that_cannot_be_computed_is_set_apart_and_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (pk,) = store_people([NaivePerson(events=[order_of(3, city="Lyon")])])
    good = compute("spent", REVENUE)
    bad = compute("city_of_order", {**ORDERS, "aggregate": "last", "property": "city"})
    compute_values = values.compute_values

    def fail(computations: Any, ids: Any) -> Any:
        if any(each.id == bad.pk for each in computations):
            raise ValueError("A value of somebody.")
        return compute_values(computations, ids)

    monkeypatch.setattr(settle, "compute_values", fail)
    add_events(pk, [order_of(4, city="Nice")])
    mark_changed([pk])
    refresh_changed(now=NOW)
    assert traits_of(pk) == {"spent": 7, "city_of_order": "Lyon"}
    bad.refresh_from_db()
    assert (bad.failure, good.failure) == ("value_error", "")
    with pytest.raises(CommandError):
        call_command("verify_segments")
    monkeypatch.undo()
    ComputedTrait.objects.filter(pk=bad.pk).update(retry_at=NOW)
    refresh_changed(now=NOW)
    assert traits_of(pk)["city_of_order"] == "Nice"


@pytest.mark.parametrize(
    ("definition", "path"),
    [
        ({"name": "Order Completed", "window": {"last": {"days": 30}}}, "window"),
        ({**ORDERS, "aggregate": "sum"}, "property"),
        ({**ORDERS, "property": "revenue"}, "property"),
        ({**ORDERS, "aggregate": "median"}, "aggregate"),
        ({"aggregate": "count"}, "name"),
        (
            {
                **ORDERS,
                "where": {
                    "type": "property",
                    "key": "born",
                    "operator": "in_last",
                    "value": {"days": 3},
                },
            },
            "where",
        ),
    ],
)
def test_what_depends_on_the_clock_or_cannot_be_read_is_refused_with_its_path(
    definition: dict[str, Any], path: str
) -> None:
    response = make_client().post(ROUTE, {"key": "x", "definition": definition}, format="json")
    assert response.status_code == 400
    assert response.json()["errors"][0]["path"] == f"definition.{path}"


@pytest.mark.parametrize("key", ["email", "phone", "city"])
def test_a_key_that_sources_state_or_that_reaches_people_is_refused(key: str) -> None:
    send_messages({"userId": "ada", "traits": {"city": "Lyon"}})
    with pytest.raises(SegmentError):
        create_computed_trait(key=key, definition=ORDERS, actor=TESTER)


def test_what_sources_say_under_the_key_of_a_computed_trait_does_not_count() -> None:
    compute("spent", REVENUE)
    send_messages({"userId": "ada", "traits": {"spent": 5_000_000}})
    refresh_changed()
    profile = profile_of("user_id:ada")
    assert "spent" not in profile.traits
    client = make_client()
    why = client.get(f"/api/v1/profiles/{profile.uuid}/why-trait/?key=spent").json()
    assert why["decided_by"] == "computed"


def test_a_trait_of_contact_data_is_contact_data() -> None:
    row = compute("last_mail", {**ORDERS, "aggregate": "last", "property": "email"})
    assert row.trait.category == TraitDefinition.Category.CONTACT


@pytest.mark.parametrize("text", ["{", "NaN", "1e1000000000000000000", "9" * 5000, "[" * 3000])
def test_a_definition_that_cannot_be_read_is_said_in_the_form(text: str) -> None:
    fields = {"key": "orders", "category": "ordinary", "definition": text}
    page = sign_in().post("/admin/segments/computedtrait/add/", fields)
    assert (page.status_code, "This is not" in page.content.decode()) == (200, True)
    assert not ComputedTrait.objects.exists()


def test_a_trait_is_built_without_json_and_changed() -> None:
    client = sign_in()
    built: Any = {"name": "", "aggregate": "count"}
    for op, path, value in (
        ("compute", "aggregate", "sum"),
        ("set", "property", "revenue"),
        ("set", "name", "Order Completed"),
        ("with", "where", ""),
        ("set", "where.key", "shop"),
        ("set", "where.value", "Lyon"),
    ):
        body = {"definition": exact_json.dumps(built), "op": op, "path": path, "value": value}
        page = client.post("/admin/segments/computedtrait/builder/", body)
        built = exact_json.loads(page.context["built"].text)
    where = {"type": "property", "key": "shop", "operator": "equals", "value": "Lyon"}
    assert built == {**REVENUE, "where": where}
    body = {"definition": exact_json.dumps(built)}
    told = client.post("/admin/segments/computedtrait/builder/preview/", body).content.decode()
    assert "revenue" in told
    fields = {"key": "spent", "label": "Spent", "category": "ordinary"} | body
    assert client.post("/admin/segments/computedtrait/add/", fields).status_code == 302
    row = ComputedTrait.objects.get()
    assert row.definition == built
    plain = {"definition": exact_json.dumps(ORDERS), "category": "ordinary", "label": "Orders"}
    edit = f"/admin/segments/computedtrait/{row.pk}/edit/"
    assert "compute" in client.get(edit).content.decode()
    assert client.post(edit, plain).status_code == 302
    row.refresh_from_db()
    assert row.definition == ORDERS
    wrong = {**plain, "definition": '{"name": "Order Completed", "aggregate": "sum"}'}
    assert "property" in client.post(edit, wrong).content.decode()
