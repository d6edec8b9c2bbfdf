"""What is asked of definitions at their limits: times around clock changes, sizes, spellings."""

import json
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ingestion.services import drain_inbox
from profiles.models import Event, Profile
from segments.language.calendar import SECONDS, Unit
from segments.models import Segment
from segments.services import create_segment, preview
from tests.admin import sign_in
from tests.factories import NOW, TESTER, make_client, make_write_key
from tests.oracles.segment_worlds import NaiveEvent, NaivePerson
from tests.segments.evaluations import orders, trait
from tests.segments.worlds import store_people, store_person
from tests.tries import tries

pytestmark = pytest.mark.django_db
URL = "/api/v1/segments/"
# Paris puts its clocks forward and back at these times.
CLOCK_CHANGES = [datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2025, 10, 26, 1, tzinfo=UTC)]
MICROSECOND = timedelta(microseconds=1)

moments = st.builds(
    lambda change, minutes: change + timedelta(minutes=minutes),
    st.sampled_from(CLOCK_CHANGES),
    st.integers(-3 * 1440, 3 * 1440),
)
durations = st.one_of(
    st.tuples(st.just(Unit.MINUTES), st.integers(1, 6000)),
    st.tuples(st.just(Unit.HOURS), st.integers(1, 100)),
    st.tuples(st.just(Unit.DAYS), st.integers(1, 40)),
    st.tuples(st.just(Unit.WEEKS), st.integers(1, 8)),
)
# How the sender writes the time: by any offset, which changes nothing.
offsets = st.integers(-14 * 4, 14 * 4).map(lambda n: timezone(timedelta(minutes=15 * n)))


def test_a_window_is_as_long_across_a_clock_change_as_elsewhere() -> None:
    client = make_client()

    @settings(max_examples=tries(60), deadline=None, suppress_health_check=list(HealthCheck))
    @given(moments, durations, offsets)
    @example(CLOCK_CHANGES[0] + timedelta(hours=1), (Unit.HOURS, 2), UTC)
    @example(CLOCK_CHANGES[1] + timedelta(hours=1), (Unit.DAYS, 1), UTC)
    def check(at: datetime, duration: tuple[Unit, int], zone: timezone) -> None:
        unit, count = duration
        edge = at - timedelta(seconds=SECONDS[unit] * count)
        with transaction.atomic():
            events = [
                NaiveEvent("Order Completed", edge + shift)
                for shift in (MICROSECOND * 0, MICROSECOND)
            ]
            out, inside = store_people([NaivePerson(events=[event]) for event in events])
            definition = orders(window={"last": {str(unit): count}})
            text = at.astimezone(zone).isoformat()
            answer = client.post(f"{URL}preview/", {"definition": definition, "at": text})
            assert answer.json()["sample"] == [uuid_of(inside)]
            create_segment(key="kept", name="k", definition=definition, actor=TESTER)
            for profile_id in (out, inside):
                query = {"profile": uuid_of(profile_id), "at": text}
                why = client.get(f"{URL}kept/why/", query).json()
                assert why["member"] == (profile_id == inside)
                if why["member"]:
                    assert datetime.fromisoformat(why["flips_at"]) == at + MICROSECOND
            transaction.set_rollback(True)

    check()


def uuid_of(profile_id: int) -> str:
    return str(Profile.objects.get(pk=profile_id).uuid)


@settings(max_examples=tries(40), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59)), st.integers(-14, 14))
@example(datetime(1, 1, 1), 1)
@example(datetime(9999, 12, 31, 23, 59, 59), -1)
@example(datetime(1, 1, 1), 0)
def test_any_year_of_at_is_answered_or_refused(moment: datetime, hours: int) -> None:
    with transaction.atomic():
        client = make_client()
        person = NaivePerson(
            traits={"born": "2000-02-29", "since": "9998-12-31"},
            events=[NaiveEvent("Order Completed", NOW)],
        )
        uuid = uuid_of(store_person(person))
        leaves = [
            orders(window={"last": {"years": 100}}),
            orders("in_last", {"months": 1200}, aggregate="last_at"),
            trait("born", "age_between", [1, 150]),
            trait("since", "in_last", {"years": 100}),
        ]
        definition = {"type": "or", "children": leaves}
        create_segment(key="kept", name="k", definition=definition, actor=TESTER, status="live")
        at = f"{moment.isoformat()}{'+' if hours >= 0 else '-'}{abs(hours):02}:00"
        is_in_range = 1900 < moment.year < 2999
        for answer in (
            client.post(f"{URL}preview/", {"definition": definition, "at": at}),
            client.get(f"{URL}kept/why/", {"profile": uuid, "at": at}),
        ):
            assert answer.status_code == 200 if is_in_range else answer.status_code in (200, 400)
        assert client.post(f"{URL}kept/refresh/", {"at": at}).status_code in (200, 400)
        transaction.set_rollback(True)


def nested(depth: int, how: str) -> str:
    before, after = {
        "child": ('{"type":"not","child":', "}"),
        "children": ('{"type":"and","children":[', "]}"),
        "where": ('{"type":"event","name":"a","operator":"gte","value":1,"where":', "}"),
        "value": ('{"type":"trait","key":"a","operator":"equals","value":', "}"),
        "lists": ("[", "]"),
        "objects": ('{"a":', "}"),
    }[how]
    return before * depth + '{"type":"everyone"}' + after * depth


@pytest.mark.parametrize("how", ["child", "children", "where", "value", "lists", "objects"])
@pytest.mark.parametrize("depth", [11, 900, 3_000, 50_000])
def test_any_nesting_is_refused_and_not_an_error(how: str, depth: int) -> None:
    definition = nested(depth, how)
    api, number = make_client(), Segment.objects.count()
    create_segment(key="kept", name="k", definition={"type": "everyone"}, actor=TESTER)
    body = f'{{"key":"deep","name":"d","definition":{definition}}}'
    for method, path in (("post", URL), ("post", f"{URL}preview/"), ("patch", f"{URL}kept/")):
        answer = getattr(api, method)(path, body, content_type="application/json")
        assert answer.status_code == 400, (method, path)
    client = sign_in()
    url = reverse("admin:segments_segment_preview")
    # A form is at most 2.5 MB.
    assert client.post(url, {"definition": definition}).status_code in (200, 400)
    form = {"key": "deep", "name": "d", "status": "draft", "definition": definition}
    answer = client.post(reverse("admin:segments_segment_add"), form)
    assert answer.status_code in (200, 400)
    assert Segment.objects.count() == number + 1


def test_many_values_are_one_test_and_too_many_are_refused() -> None:
    values = [f"value {number}" for number in range(1000)]
    people = [NaivePerson(traits={"a": [f"value {n}", n]}) for n in range(900, 1100, 10)]
    store_people(people)
    leaf = trait("a", "includes_any", values)
    started = time.monotonic()
    result = preview({"type": "and", "children": [leaf] * 20})
    assert (result.size, result.is_exact) == (10, True)
    assert preview({"type": "or", "children": [trait("a", "includes_none", values)]}).size == 10
    assert time.monotonic() - started < 5
    client = make_client()
    for kind in ("includes_any", "in", "includes_all"):
        definition = {"type": "or", "children": [trait("a", kind, values)] * 60}
        answer = client.post(f"{URL}preview/", {"definition": definition})
        assert answer.status_code == 400
        assert [error["code"] for error in answer.json()["errors"]] == ["limit"]


scalars = st.one_of(
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from(["a", "b", "1", "true", "", 'q"\\']),
    st.just(1.0),
)


@settings(max_examples=tries(40), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(scalars, max_size=4) | scalars, st.lists(scalars, min_size=1, max_size=5))
def test_a_set_of_values_is_tested_as_one_by_one(value: Any, wanted: list[Any]) -> None:
    with transaction.atomic():
        store_person(NaivePerson(traits={"a": value}))
        alone = [trait("a", "includes", item) for item in wanted]
        one_by_one = preview({"type": "or", "children": alone}).size
        assert preview(trait("a", "includes_any", wanted)).size == one_by_one
        is_list = isinstance(value, list)
        assert preview(trait("a", "includes_none", wanted)).size == (1 - one_by_one) * is_list
        transaction.set_rollback(True)


@settings(max_examples=tries(25), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.booleans(), min_size=7, max_size=7), st.booleans())
@example([False] * 5 + [True, False], False)
def test_a_value_is_read_however_its_name_is_spelt(escaped: list[bool], is_upper: bool) -> None:
    name = "".join(
        (f"\\u{ord(char):04X}" if is_upper else f"\\u{ord(char):04x}") if escape else char
        for char, escape in zip("revenue", escaped, strict=True)
    )
    with transaction.atomic():
        properties = json.loads(f'{{"{name}": 12.5}}')
        assert properties == {"revenue": 12.5}
        body = (
            f'{{"writeKey":"{make_write_key()}","batch":['
            '{"type":"track","event":"Order Completed","userId":"u1","messageId":"m1",'
            f'"properties":{{"{name}": 12.5}}}}]}}'
        )
        answer = Client().post("/v1/batch", body, content_type="application/json")
        assert answer.status_code == 200, answer.content
        drain_inbox()
        (event,) = Event.objects.all()
        assert event.value is not None
        assert float(event.value) == 12.5
        assert preview(orders("gte", 12.5, aggregate="sum", property="revenue")).size == 1
        transaction.set_rollback(True)
