"""The API of segments: bodies, refusals, scopes and the number of queries."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from profiles.models import Profile
from profiles.models.access import Scope
from segments.models import Segment
from segments.services import create_segment, rebuild, refresh_changed
from tests.factories import NOW, TESTER, make_client
from tests.oracles.segment_worlds import NaivePerson
from tests.segments.evaluations import build_segment, orders, trait
from tests.segments.worlds import make_purpose, order, store_people, store_person

pytestmark = pytest.mark.django_db
URL = "/api/v1/segments/"
EVERYONE = {"type": "everyone"}
BODY = {
    "key": "buyers",
    "name": "Buyers",
    "definition": orders(),
    "purpose": None,
    "status": "live",
}


@pytest.fixture
def client() -> APIClient:
    return make_client()


def uuid_of(profile_id: int) -> str:
    return str(Profile.objects.get(pk=profile_id).uuid)


def count_queries(call: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert call().status_code == 200
    return len(captured)


def test_a_segment_is_made_and_shown_as_it_was_said(client: APIClient) -> None:
    make_purpose()
    answer = client.post(URL, BODY | {"purpose": "newsletter"})
    assert answer.status_code == 201
    segment = answer.json()
    assert segment | BODY | {"purpose": "newsletter"} == segment
    assert (segment["version"], segment["size"], segment["refreshed_at"]) == (1, 0, None)
    assert client.get(f"{URL}buyers/").json() == segment


def test_a_bad_definition_is_refused_with_the_path_of_the_fault(client: APIClient) -> None:
    children = [EVERYONE, orders(window={"last": {"days": 0}})]
    answer = client.post(URL, BODY | {"definition": {"type": "and", "children": children}})
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert (error["path"], error["code"]) == ("definition.children[1].window.last.days", "limit")
    assert not Segment.objects.exists()


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"key": "Not a key"}, "key"),
        ({"key": "schema"}, "key"),
        ({"purpose": "moonlight"}, "purpose"),
        ({"status": "archived"}, "status"),
        ({"definition": "everyone"}, "definition"),
        ({"definition": {"type": "segment", "key": "buyers"}}, "definition.key"),
    ],
)
def test_a_segment_is_refused_with_the_field_at_fault(
    client: APIClient, fields: dict[str, Any], path: str
) -> None:
    answer = client.post(URL, BODY | fields)
    assert answer.status_code == 400
    assert [error["path"] for error in answer.json()["errors"]] == [path]


def test_numbers_stay_exact_on_the_way_in_and_out(client: APIClient) -> None:
    number = "0.1000000000000000000000000001"
    body = json.dumps(BODY | {"definition": trait("a", "gt", "NUMBER")}).replace('"NUMBER"', number)
    answer = client.post(URL, body, content_type="application/json")
    assert answer.status_code == 201
    assert f'"value":{number}' in answer.content.decode()
    assert number in client.get(f"{URL}buyers/").content.decode()


def test_a_change_of_definition_is_a_new_version(client: APIClient) -> None:
    build_segment(EVERYONE)
    answer = client.patch(f"{URL}kept/", {"definition": orders()})
    assert (answer.status_code, answer.json()["version"]) == (200, 2)
    assert answer.json()["live_version"] == 1


def test_deleting_archives_and_is_refused_while_others_lean_on_it(client: APIClient) -> None:
    build_segment(EVERYONE, key="base")
    build_segment({"type": "segment", "key": "base"})
    assert client.delete(f"{URL}base/").status_code == 409
    assert client.delete(f"{URL}kept/").status_code == 204
    assert client.delete(f"{URL}base/").status_code == 204
    assert client.get(f"{URL}kept/").json()["status"] == "archived"


def test_a_preview_gives_the_size_and_who(client: APIClient) -> None:
    profile_ids = list(store_people([NaivePerson(events=[order(days)]) for days in (1, 5)]))
    body = {"definition": orders(window={"last": {"days": 3}}), "at": NOW.isoformat()}
    answer = client.post(f"{URL}preview/", body)
    sample = [uuid_of(profile_ids[0])]
    assert answer.json() == {"size": 1, "exact": True, "sample": sample, "warnings": []}


def test_members_are_shown_with_when_they_entered(client: APIClient) -> None:
    profile_id = store_person(NaivePerson())
    build_segment(EVERYONE)
    (member,) = client.get(f"{URL}kept/members/").json()["results"]
    assert member == {"profile": uuid_of(profile_id), "entered_at": "2026-03-15T12:00:00Z"}


def test_members_for_a_purpose_are_those_who_permit_it_now(client: APIClient) -> None:
    willing = store_person(NaivePerson(consents={"newsletter": None}))
    store_person(NaivePerson(consents={"newsletter": NOW - timedelta(days=400)}))
    store_person(NaivePerson())
    build_segment(EVERYONE)
    members = client.get(f"{URL}kept/members/?purpose=newsletter").json()["results"]
    assert [member["profile"] for member in members] == [uuid_of(willing)]
    assert client.get(f"{URL}kept/members/?purpose=moonlight").json()["results"] == []


def test_whoever_is_restricted_is_no_member_from_that_moment(client: APIClient) -> None:
    profile_id = store_person(NaivePerson())
    build_segment(EVERYONE)
    Profile.objects.filter(pk=profile_id).update(is_restricted=True)
    assert client.get(f"{URL}kept/members/").json()["results"] == []


def test_the_history_tells_entries_and_exits_with_their_reasons(client: APIClient) -> None:
    profile_id = store_person(NaivePerson())
    build_segment(EVERYONE)
    (change,) = client.get(f"{URL}kept/history/").json()["results"]
    assert change == {
        "profile": uuid_of(profile_id),
        "changed_at": "2026-03-15T12:00:00Z",
        "entered": True,
        "reason": "definition",
    }
    assert client.get(f"{URL}kept/history/?reason=time").json()["results"] == []


def test_why_shows_the_tree_with_its_evidence_and_when_it_flips(client: APIClient) -> None:
    profile_id = store_person(NaivePerson(events=[order(6)]))
    build_segment(orders(window={"last": {"days": 7}}))
    query = {"profile": uuid_of(profile_id), "at": NOW.isoformat()}
    why = client.get(f"{URL}kept/why/", query).json()
    assert (why["member"], why["flips_at"]) == (True, "2026-03-16T12:00:00Z")
    assert why["tree"] == orders(window={"last": {"days": 7}}) | {
        "holds": True,
        "evidence": {"count": "1"},
    }


@pytest.mark.parametrize(
    ("profile", "status"), [("x", 400), ("01950000-0000-7000-8000-000000000000", 404)]
)
def test_why_needs_a_profile_that_there_is(client: APIClient, profile: str, status: int) -> None:
    build_segment(EVERYONE)
    assert client.get(f"{URL}kept/why/", {"profile": profile}).status_code == status


def test_why_of_a_restricted_profile_is_for_keys_that_act_for_customers(client: APIClient) -> None:
    profile_id = store_person(NaivePerson(is_restricted=True))
    build_segment(EVERYONE)
    query = {"profile": uuid_of(profile_id)}
    assert make_client(Scope.PROFILES_READ).get(f"{URL}kept/why/", query).status_code == 403
    assert client.get(f"{URL}kept/why/", query).json()["member"] is False


def test_a_refresh_builds_the_segment_at_once(client: APIClient) -> None:
    store_person(NaivePerson())
    create_segment(key="new", name="New", definition=EVERYONE, actor=TESTER, status="live")
    answer = client.post(f"{URL}new/refresh/", {"at": NOW.isoformat()})
    assert (answer.status_code, answer.json()["size"]) == (200, 1)
    assert client.post(f"{URL}new/refresh/", {"at": "2100-01-01T00:00:00Z"}).status_code == 400
    create_segment(key="draft", name="Draft", definition=EVERYONE, actor=TESTER)
    assert client.post(f"{URL}draft/refresh/").status_code == 409


def test_the_language_is_published(client: APIClient) -> None:
    assert client.get(f"{URL}schema/").json()["title"] == "Segment definition"


def test_an_unknown_filter_is_refused(client: APIClient) -> None:
    build_segment(EVERYONE)
    assert client.get(f"{URL}?colour=red").status_code == 400
    assert client.get(f"{URL}kept/members/?colour=red").status_code == 400
    assert [row["key"] for row in client.get(f"{URL}?status=live").json()["results"]] == ["kept"]


@pytest.mark.parametrize(
    ("method", "route", "scope"),
    [
        ("get", "", Scope.SEGMENTS_READ),
        ("post", "", Scope.SEGMENTS_WRITE),
        ("get", "kept/", Scope.SEGMENTS_READ),
        ("patch", "kept/", Scope.SEGMENTS_WRITE),
        ("delete", "kept/", Scope.SEGMENTS_WRITE),
        ("post", "preview/", Scope.SEGMENTS_READ),
        ("get", "schema/", Scope.SEGMENTS_READ),
        ("get", "kept/members/", Scope.SEGMENTS_READ),
        ("get", "kept/history/", Scope.SEGMENTS_READ),
        ("get", "kept/why/", Scope.PROFILES_READ),
        ("post", "kept/refresh/", Scope.SEGMENTS_WRITE),
    ],
)
def test_a_key_without_the_scope_is_refused(method: str, route: str, scope: Scope) -> None:
    build_segment(EVERYONE)
    others = [other for other in Scope if other != scope]
    refused = getattr(make_client(*others), method)(f"{URL}{route}")
    assert refused.status_code == 403
    allowed = getattr(make_client(scope), method)(f"{URL}{route}")
    assert allowed.status_code not in (401, 403)
    assert getattr(APIClient(), method)(f"{URL}{route}").status_code == 401


def test_lists_take_as_many_queries_for_many_rows_as_for_one(client: APIClient) -> None:
    store_person(NaivePerson())
    build_segment(EVERYONE, key="one")
    lists = ["", "one/members/", "one/history/"]
    few = [count_queries(lambda url=url: client.get(f"{URL}{url}")) for url in lists]
    store_people([NaivePerson() for _ in range(5)])
    for key in ("two", "three"):
        build_segment(EVERYONE, key=key)
    rebuild(["one"], now=NOW)
    refresh_changed(now=NOW)
    many = [count_queries(lambda url=url: client.get(f"{URL}{url}")) for url in lists]
    # The last of those of people is for the log of reads.
    assert (few, many) == ([2, 4, 4], [2, 4, 4])
