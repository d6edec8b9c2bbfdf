"""Sessions: what starts and ends one, of which sources, and that a new gap rebuilds."""

from datetime import timedelta
from typing import Any

import pytest

from profiles.models import Profile, ProfileChange, Source
from profiles.services import change_source
from segments.services import resume_rebuilds, verify_memberships, why
from tests.factories import NOW, TESTER, make_client, make_write_key
from tests.oracles.segment_worlds import NaiveEvent, NaivePerson
from tests.segments.evaluations import build_segment, members_of, who
from tests.segments.worlds import source_of, store_person

pytestmark = pytest.mark.django_db


def sessions(operator: str = "gte", value: Any = 1, **options: Any) -> dict[str, Any]:
    window = {"last": {"days": 30}}
    leaf = {"type": "session", "operator": operator, "value": value, "window": window}
    return leaf | options


def visit(*minutes: float, source: str = "shop", **fields: Any) -> list[NaiveEvent]:
    """Pages so many minutes after two days ago."""
    start = NOW - timedelta(days=2)
    return [
        NaiveEvent("Home", start + timedelta(minutes=each), "page", source=source, **fields)
        for each in minutes
    ]


def test_a_gap_ends_a_session_and_less_does_not() -> None:
    people = {
        "one": NaivePerson(events=visit(0, 29.9, 59.8)),
        "two": NaivePerson(events=visit(0, 30, 59.9)),
        "none": NaivePerson(),
    }
    assert who(sessions("equals", 1), people) == {"one"}
    assert who(sessions("equals", 2), people) == {"two"}
    assert who(sessions("equals", 0), people) == {"none"}


def test_a_source_has_its_own_gap_and_another_makes_no_sessions() -> None:
    people = {
        "till": NaivePerson(events=visit(0, 80, source="till")),
        "crm": NaivePerson(events=visit(0, source="crm")),
        "both": NaivePerson(events=[*visit(0, 10), *visit(5, source="till")]),
    }
    assert who(sessions("equals", 1), people) == {"till"}
    assert who(sessions("equals", 0), people) == {"crm"}
    assert who(sessions("equals", 2), people) == {"both"}


def test_a_source_makes_sessions_by_default_once_it_has_a_public_key() -> None:
    people = {"visitor": NaivePerson(events=visit(0, source="web"))}
    assert who(sessions(), people) == set()
    make_write_key(source_of("web"), kind="public")
    assert who(sessions(), people) == {"visitor"}
    Source.objects.filter(key="web").update(session_minutes=0)
    assert who(sessions(), people) == set()


def test_duration_and_pages_are_of_a_session_and_it_ends_after_a_day() -> None:
    long = [each * 20 for each in range(80)]
    people = {
        "reader": NaivePerson(events=visit(0, 5, 10)),
        "glance": NaivePerson(events=visit(0)),
        "for ever": NaivePerson(events=visit(*long)),
    }
    lasted = {"aggregate": "max", "property": "duration"}
    pages = {"aggregate": "max", "property": "pages"}
    assert who(sessions("equals", 600, **lasted), people) == {"reader"}
    assert who(sessions("equals", 0, **lasted), people) == {"glance"}
    assert who(sessions("equals", 86_400, **lasted), people) == {"for ever"}
    assert who(sessions("equals", 3, **pages), people) == {"reader"}
    # From the first page to the last one within the day, both counted.
    assert who(sessions("equals", 73, **pages), people) == {"for ever"}


def test_a_session_belongs_to_the_window_of_its_start_and_where_asks_its_first_event() -> None:
    late = visit(0, 20, 40)
    people = {"visitor": NaivePerson(events=late)}
    start = NOW - timedelta(days=2)
    within = {"from": (start + timedelta(minutes=10)).isoformat(), "to": NOW.isoformat()}
    assert who(sessions(window=within), people) == set()
    first = {"type": "property", "key": "path", "operator": "equals", "value": "/"}
    entering = {
        "front": NaivePerson(events=[*visit(0, properties={"path": "/"}), *visit(5)]),
        "side": NaivePerson(events=[*visit(0), *visit(5, properties={"path": "/"})]),
    }
    assert who(sessions(where=first), entering) == {"front"}


def test_another_gap_rebuilds_and_queues_nobody() -> None:
    visitor = store_person(NaivePerson(events=visit(0, 40)))
    build_segment(sessions("equals", 2))
    assert members_of() == {visitor}
    ProfileChange.objects.all().delete()
    change_source(source_of("shop"), actor=TESTER, session_minutes=60)
    assert resume_rebuilds(now=NOW) == 1
    assert members_of() == set()
    assert not ProfileChange.objects.exists()
    assert verify_memberships(now=NOW) == {"kept": 0}


def test_why_tells_how_many_there_are() -> None:
    profile = Profile.objects.get(pk=store_person(NaivePerson(events=visit(0, 40, 90))))
    segment = build_segment(sessions("gte", 4))
    assert why(segment, profile, at=NOW).tree["evidence"] == {"count": "3"}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"window": {"last": {"months": 14}}}, "window"),
        ({"window": {"from": "2020-01-01"}}, "window"),
        ({"window": {"from": "2020-01-01", "to": "2024-01-01"}}, "window"),
        ({"aggregate": "min"}, "aggregate"),
        ({"aggregate": "sum"}, "property"),
        ({"property": "pages"}, "property"),
        ({"aggregate": "sum", "property": "clicks"}, "property"),
        ({"name": "Home"}, "name"),
    ],
)
def test_a_faulty_leaf_is_refused_with_the_path_of_its_fault(
    change: dict[str, Any], path: str
) -> None:
    answer = make_client().post("/api/v1/segments/preview/", {"definition": sessions() | change})
    assert answer.status_code == 400
    assert {error["path"] for error in answer.json()["errors"]} == {f"definition.{path}"}


def test_a_session_needs_a_window() -> None:
    leaf = sessions()
    del leaf["window"]
    answer = make_client().post("/api/v1/segments/preview/", {"definition": leaf})
    assert answer.json()["errors"][0]["path"] == "definition.window"
