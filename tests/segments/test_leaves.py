"""The meaning of the leaves that are more than a trait or an aggregate of events."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from profiles.lib.database import time_limit
from profiles.models import Profile, SourceRecord, TraitDefinition
from profiles.services import change_source
from segments.compiler import compile_everyone, fill
from segments.definitions.dependencies import check_definition
from segments.definitions.live import make_context
from segments.language.parser import DefinitionError, parse
from segments.lib.moments import MomentError
from segments.services import preview, resume_rebuilds, verify_memberships
from tests.factories import NOW, TESTER
from tests.oracles.segment_worlds import NaiveEvent, NaivePerson
from tests.segments.evaluations import (
    build_segment,
    members_of,
    negation,
    trait,
    who,
)
from tests.segments.worlds import order, source_of, store_person

pytestmark = pytest.mark.django_db


def seen(name: str, minutes: float, **properties: Any) -> NaiveEvent:
    """An event so many minutes before NOW."""
    return NaiveEvent(name, NOW - timedelta(minutes=minutes), properties=properties)


def sequence(*steps: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {"type": "sequence", "steps": list(steps), **options}


VIEWED = {"name": "Viewed"}
BOUGHT = {"name": "Bought", "within": {"hours": 1}}


def test_a_sequence_is_a_chain_of_later_events_each_within_its_time() -> None:
    people = {
        "prompt": NaivePerson(events=[seen("Viewed", 59), seen("Bought", 0)]),
        "late": NaivePerson(events=[seen("Viewed", 60), seen("Bought", 0)]),
        "backwards": NaivePerson(events=[seen("Bought", 20), seen("Viewed", 10)]),
        # The chain starts at the second view.
        "again": NaivePerson(events=[seen("Viewed", 90), seen("Viewed", 50), seen("Bought", 0)]),
    }
    assert who(sequence(VIEWED, BOUGHT), people) == {"prompt", "again"}
    assert who(sequence(VIEWED, BOUGHT, window={"last": {"minutes": 55}}), people) == {"again"}


def test_events_of_one_instant_follow_each_other_in_the_order_of_their_arrival() -> None:
    def at_once(first: str, second: str) -> NaivePerson:
        events = [
            NaiveEvent(name, NOW, arrival=arrival) for arrival, name in enumerate((first, second))
        ]
        return NaivePerson(events=events)

    people = {"in order": at_once("Viewed", "Bought"), "reverse": at_once("Bought", "Viewed")}
    assert who(sequence(VIEWED, BOUGHT), people) == {"in order"}


def test_an_absent_step_holds_when_its_time_is_over_and_nothing_came() -> None:
    absent = BOUGHT | {"absent": True}
    people = {
        "waiting": NaivePerson(events=[seen("Viewed", 59)]),
        "gone": NaivePerson(events=[seen("Viewed", 60)]),
        "bought": NaivePerson(events=[seen("Viewed", 90), seen("Bought", 80)]),
        "bought later": NaivePerson(events=[seen("Viewed", 90), seen("Bought", 30)]),
    }
    assert who(sequence(VIEWED, absent), people) == {"gone", "bought later"}


def test_a_step_can_be_of_the_same_thing_as_the_first_also_inside_a_list() -> None:
    same = {"same": {"property": "products[].sku", "of_first": "sku"}}
    people = {
        "this": NaivePerson(
            events=[seen("Viewed", 9, sku="A"), seen("Bought", 1, products=[{"sku": "A"}])]
        ),
        "another": NaivePerson(
            events=[seen("Viewed", 9, sku="A"), seen("Bought", 1, products=[{"sku": "B"}])]
        ),
        "no thing": NaivePerson(events=[seen("Viewed", 9), seen("Bought", 1)]),
    }
    assert who(sequence(VIEWED, BOUGHT | same), people) == {"this"}
    later = NOW + timedelta(hours=2)
    absent = sequence(VIEWED, BOUGHT | same | {"absent": True})
    assert who(absent, people, later) == {"another"}


def test_a_step_between_need_not_be_of_the_same_thing() -> None:
    same = {"same": {"property": "sku", "of_first": "sku"}}
    steps = [VIEWED, {"name": "Signed In", "within": {"hours": 1}}, BOUGHT | same]
    events = [seen("Viewed", 30, sku="A"), seen("Signed In", 20), seen("Bought", 10, sku="A")]
    people = {
        "in order": NaivePerson(events=events),
        "another": NaivePerson(events=[*events[:2], seen("Bought", 10, sku="B")]),
        "signed in after": NaivePerson(
            events=[seen("Viewed", 30, sku="A"), seen("Bought", 10, sku="A"), seen("Signed In", 5)]
        ),
    }
    assert who(sequence(*steps), people) == {"in order"}


def test_regular_counts_complete_periods_before_this_one() -> None:
    def in_weeks(*weeks: int) -> NaivePerson:
        return NaivePerson(events=[order(7 * week + 1) for week in weeks])

    # 15 March 2026 is a Sunday: week 0 is not complete.
    people = {
        "three": in_weeks(1, 2, 4),
        "two and this one": in_weeks(0, 1, 2),
        "one often": in_weeks(1, 1, 1),
        "too long ago": in_weeks(3, 4, 5),
    }
    leaf = {"type": "regular", "name": "Order Completed", "period": "week", "at_least": 3, "of": 4}
    assert who(leaf, people) == {"three"}


def test_an_identifier_passes_by_some_value_and_not_by_none() -> None:
    people = {
        "both": NaivePerson(identifiers={"email": ["a@gmail.com", "a@b.fr"]}),
        "other": NaivePerson(identifiers={"email": ["b@b.fr"], "phone": ["+33 1"]}),
        "nobody": NaivePerson(),
    }
    leaf = {"type": "identifier", "namespace": "email"}
    ends = leaf | {"operator": "ends_with", "value": "@gmail.com"}
    # People are stored by the first question; an address is one person's only.
    assert who(ends, people) == {"both"}
    assert preview(leaf | {"operator": "exists"}).size == 2
    assert preview(ends | {"operator": "not_ends_with"}).size == 2
    assert preview(negation(ends)).size == 2


def test_a_source_knows_whom_it_sent_an_event_or_a_trait_of() -> None:
    people = {
        "buyer": NaivePerson(events=[order(3)]),
        "customer": NaivePerson(records={"crm": [NOW - timedelta(days=3)]}),
        "stranger": NaivePerson(),
    }
    shop, crm = ({"type": "source", "key": key} for key in ("shop", "crm"))
    assert who(shop, people) == {"buyer"}
    assert who(crm, people) == {"customer"}
    assert who(crm | {"seen_within": {"days": 3}}, people) == set()
    with pytest.raises(DefinitionError, match="there are: crm, shop"):
        check_definition({"type": "source", "key": "till"})


def test_whose_data_a_trait_is_can_be_asked_by_source_and_by_trait() -> None:
    people = {
        "told": NaivePerson(records={"crm": [NOW - timedelta(days=3)]}),
        "bought": NaivePerson(records={"bought": [NOW - timedelta(days=3)]}),
        "seen": NaivePerson(records={"till": [NOW - timedelta(days=3)]}),
        "stranger": NaivePerson(),
    }
    zero, third, first = (
        {"type": "stated", "party": party} for party in ("zero", "third", "first")
    )
    assert who(zero, people) == {"told"}
    assert who(third | {"key": "t0"}, people) == {"bought"}
    assert who(first, people) == {"seen"}
    assert who(zero | {"key": "t9"}, people) == set()
    assert who(zero | {"stated_within": {"days": 3}}, people) == set()
    # The trait says its own, whichever source states it.
    TraitDefinition.objects.create(key="t0", type="text", party="third")
    assert who(zero, people) == set()
    assert who(third, people) == {"told", "bought", "seen"}


def test_a_value_that_was_taken_back_is_stated_no_more() -> None:
    people = {"told": NaivePerson(records={"crm": [NOW]})}
    zero = {"type": "stated", "party": "zero"}
    assert who(zero, people) == {"told"}
    at = int(NOW.timestamp() * 1_000_000)
    SourceRecord.objects.update(traits={"t0": [None, at, 1]})
    assert preview(zero).size == 0


def test_a_source_of_another_party_rebuilds_what_asks_for_it() -> None:
    person = store_person(NaivePerson(records={"till": [NOW]}))
    build_segment({"type": "stated", "party": "third"})
    assert members_of() == set()
    change_source(source_of("till"), actor=TESTER, party="third")
    assert resume_rebuilds(now=NOW) == 1
    assert members_of() == {person}
    assert verify_memberships(now=NOW) == {"kept": 0}


def test_a_bucket_is_stable_half_open_and_of_the_public_id() -> None:
    profile_id = store_person(NaivePerson())
    Profile.objects.filter(pk=profile_id).update(uuid="019a0000-0000-7000-8000-000000000001")
    # SHA-256 of "spring:019a0000-0000-7000-8000-000000000001" begins with these 8 digits.
    place = Decimal(100 * int("29b61086", 16)) / 2**32
    for low, high, expected in (
        (place, place + Decimal("0.00001"), True),
        (place - 1, place, False),
        (0, 100, True),
    ):
        leaf = {"type": "bucket", "salt": "spring", "from": low, "to": high}
        assert (preview(leaf).size == 1) is expected


def test_geo_holds_within_a_distance_of_a_point_that_is_one() -> None:
    def at(lat: Any, lon: Any) -> NaivePerson:
        return NaivePerson(traits={"home": {"lat": lat, "lon": lon}})

    people = {
        "Lyon": at(45.764, 4.8357),
        "Villeurbanne": at(Decimal("45.7667"), Decimal("4.88")),
        "Paris": at(48.8566, 2.3522),
        "text": at("45.764", "4.8357"),
        "nowhere": at(451, 4),
        "none": NaivePerson(),
    }
    leaf = {"type": "geo", "key": "home", "within_km": 20, "of": [45.764, 4.8357]}
    assert who(leaf, people) == {"Lyon", "Villeurbanne"}
    # From Lyon to Paris it is 391.5 km.
    assert "Paris" not in who(leaf | {"within_km": 391}, people)
    assert "Paris" in who(leaf | {"within_km": 392}, people)


def test_entered_within_reads_since_when_and_takes_who_enters_now_as_new() -> None:
    first = store_person(NaivePerson(traits={"a": 1}))
    build_segment(trait("a", "exists"), key="base", now=NOW - timedelta(days=10))
    second = store_person(NaivePerson(traits={"a": 1}))
    leaf = {"type": "segment", "key": "base", "entered_within": {"days": 7}}
    build_segment(leaf, key="fresh")
    assert members_of("fresh") == {second}
    assert members_of("base") == {first}
    with pytest.raises(MomentError, match="Nobody knows who had entered base"):
        preview(leaf, at=NOW - timedelta(days=11))
    assert preview(leaf, at=NOW - timedelta(days=5)).size == 2


# Copies the event of a person, each copy a minute earlier.
MULTIPLY = """
INSERT INTO profiles_event (profile_id, "timestamp", id, identifier_id, source_id, name_id,
    properties, context, received_at, arrival)
SELECT e.profile_id, e."timestamp" - n * interval '1 minute', gen_random_uuid(), e.identifier_id,
    e.source_id, e.name_id, jsonb_build_object('sku', n %% 50), '{}', e.received_at, n
FROM profiles_event e CROSS JOIN generate_series(1, %s) AS n WHERE e.profile_id = %s
"""


def test_a_sequence_costs_a_busy_person_their_events_and_not_the_square_of_them() -> None:
    profile_id = store_person(NaivePerson(events=[seen("Bought", 0)]))
    with connection.cursor() as cursor:
        cursor.execute(MULTIPLY, [60_000, profile_id])
    bought = {"name": "Bought", "within": {"minutes": 90}}
    same = {"same": {"property": "sku", "of_first": "sku"}}
    definition = sequence({"name": "Bought"}, bought | same, bought | same | {"absent": True})
    statement = fill(
        "SELECT count(*) FROM profiles_profile p WHERE {holds}",
        holds=compile_everyone(parse(definition), make_context({}, now=NOW + timedelta(days=1))),
    )
    # The square would take minutes.
    with time_limit(20), connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
        assert cursor.fetchone() == (1,)
