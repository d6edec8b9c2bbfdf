"""The life of a segment: versions and copies, comparing, figures, overlaps, and the past."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from profiles.lib.change_queue import mark_changed
from profiles.models import Profile
from profiles.models.access import Scope
from segments.models import MembershipChange, Segment, SegmentVersion
from segments.services import archive_segment, create_segment, rebuild, refresh_changed
from tests.factories import NOW, TESTER, make_client, profile_of, send_messages
from tests.oracles.segment_worlds import NaivePerson
from tests.segments.evaluations import build_segment, change_traits, erase, trait
from tests.segments.worlds import store_people

pytestmark = pytest.mark.django_db
URL = "/api/v1/segments/"
LYON = trait("city", "equals", "Lyon")
PARIS = trait("city", "equals", "Paris")
EVERYONE = {"type": "everyone"}


@pytest.fixture
def client() -> APIClient:
    return make_client()


def store_cities(*cities: str) -> list[int]:
    return list(store_people([NaivePerson(traits={"city": city}) for city in cities]))


def uuids(ids: Any) -> set[str]:
    return {str(uuid) for uuid in Profile.objects.filter(pk__in=ids).values_list("uuid", flat=True)}


def change(client: APIClient, definition: dict[str, Any], key: str = "kept") -> None:
    response = client.patch(f"{URL}{key}/", {"definition": definition})
    assert response.status_code == 200, response.json()


def test_a_rollback_is_a_new_version_with_the_former_definition(client: APIClient) -> None:
    build_segment(LYON)
    change(client, PARIS)
    segment = client.post(f"{URL}kept/rollback/", {"version": 1}).json()
    assert (segment["version"], segment["definition"]) == (3, LYON)
    versions = client.get(f"{URL}kept/versions/").json()["results"]
    assert [(row["number"], row["definition"]) for row in versions] == [
        (3, LYON),
        (2, PARIS),
        (1, LYON),
    ]
    assert versions[2]["author"] == {"kind": "system", "id": "tests"}
    assert versions[0]["author"]["kind"] == "service"


def test_a_rollback_is_checked_like_any_definition(client: APIClient) -> None:
    build_segment(EVERYONE, key="other")
    segment = build_segment({"type": "segment", "key": "other"})
    change(client, LYON)
    rebuild(["kept"])
    archive_segment(Segment.objects.get(key="other"), actor=TESTER)
    response = client.post(f"{URL}kept/rollback/", {"version": 1})
    assert response.status_code == 400
    assert response.json()["errors"][0]["path"] == "definition.key"
    assert SegmentVersion.objects.filter(segment=segment).count() == 2
    missing = client.post(f"{URL}kept/rollback/", {"version": 9})
    assert (missing.status_code, missing.json()["errors"][0]["path"]) == (400, "version")


def test_a_clone_is_a_draft_with_all_but_key_and_name(client: APIClient) -> None:
    labels = {"folder": "Shop/Letters", "tags": ["a", "b"], "description": "Whoever is near."}
    create_segment(key="kept", name="Kept", definition=LYON, status="live", actor=TESTER, **labels)
    response = client.post(f"{URL}kept/clone/", {"key": "copy", "name": "Copy"})
    assert response.status_code == 201
    clone = response.json()
    assert clone | labels | {"definition": LYON, "status": "draft", "version": 1} == clone
    taken = client.post(f"{URL}kept/clone/", {"key": "copy", "name": "Copy"})
    assert taken.json()["errors"][0]["path"] == "key"


def test_segments_are_found_by_folder_tag_and_owner(client: APIClient) -> None:
    for key, folder, tags in (
        ("a", "Shop", ["x"]),
        ("b", "Shop/Letters", ["x", "y"]),
        ("c", "Shopping", []),
    ):
        create_segment(
            key=key, name=key, definition=EVERYONE, actor=TESTER, folder=folder, tags=tags
        )

    def found(**filters: str) -> list[str]:
        return [row["key"] for row in client.get(URL, filters).json()["results"]]

    assert found(folder="Shop") == ["a", "b"]
    assert found(tag="y") == ["b"]
    assert found(owner="nobody") == []
    refused = client.patch(f"{URL}a/", {"folder": "/Shop"})
    assert refused.json()["errors"][0]["path"] == "folder"


def test_an_archived_segment_comes_back_as_a_draft_unless_its_key_is_taken(
    client: APIClient,
) -> None:
    store_cities("Lyon")
    build_segment(LYON)
    assert client.post(f"{URL}kept/restore/").status_code == 409
    client.delete(f"{URL}kept/")
    restored = client.post(f"{URL}kept/restore/")
    assert restored.status_code == 200
    assert (restored.json()["status"], restored.json()["size"]) == ("draft", 0)
    client.patch(f"{URL}kept/", {"status": "live"})
    rebuild(["kept"])
    assert client.get(f"{URL}kept/").json()["size"] == 1
    reasons = MembershipChange.objects.order_by("changed_at", "id").values_list(
        "has_entered", flat=True
    )
    assert list(reasons) == [True, False, True]


def test_comparing_names_who_would_come_and_go(client: APIClient) -> None:
    lyon, paris, nice = store_cities("Lyon", "Paris", "Nice")
    build_segment(trait("city", "in", ["Lyon", "Paris"]))
    body = {"definition": trait("city", "in", ["Paris", "Nice"])}
    comparison = client.post(f"{URL}kept/compare/", body).json()
    leaf = {"path": "", "entering": 1, "leaving": 1}
    assert comparison.pop("leaves") == [leaf | {"is_new": is_new} for is_new in (True, False)]
    assert {name: comparison[name]["size"] for name in comparison} == {
        "members": 2,
        "entering": 1,
        "leaving": 1,
    }
    assert set(comparison["entering"]["sample"]) == uuids([nice])
    assert set(comparison["leaving"]["sample"]) == uuids([lyon])
    assert set(comparison["members"]["sample"]) == uuids([paris, nice])
    bad = client.post(f"{URL}kept/compare/", {"definition": {"type": "segment", "key": "kept"}})
    assert bad.json()["errors"][0]["path"] == "definition.key"


def test_figures_count_entries_and_exits_by_day_and_reason(client: APIClient) -> None:
    ids = store_cities("Lyon", "Lyon", "Paris")
    build_segment(LYON, now=timezone.now())
    change_traits(ids[0], city="Nice")
    change_traits(ids[2], city="Lyon")
    mark_changed(ids)
    refresh_changed()
    figures = client.get(f"{URL}kept/figures/").json()
    flows = {(row["reason"], row["entered"]): row["people"] for row in figures["flows"]}
    assert flows == {("definition", True): 2, ("change", True): 1, ("change", False): 1}
    assert figures["sizes"][-1]["size"] == 2


def test_figures_name_what_may_be_wrong(client: APIClient) -> None:
    store_cities("Lyon", "Lyon", "Paris")
    build_segment(LYON, now=timezone.now())
    build_segment(trait("city", "not_equals", "Paris"), key="twin")
    build_segment({"type": "segment", "key": "kept"}, key="leaning")
    figures = client.get(f"{URL}kept/figures/").json()
    codes = [flag["code"] for flag in figures["flags"]]
    assert codes == ["small", "large", "same_people", "same_people"]
    assert figures["dependants"] == ["leaning"]
    refused = client.get(f"{URL}kept/figures/", {"since": "2020-01-01T00:00:00Z"})
    assert refused.json()["errors"][0]["path"] == "since"


def test_an_overlap_counts_each_person_in_exactly_one_combination(client: APIClient) -> None:
    store_cities("Lyon", "Lyon", "Paris", "Nice")
    build_segment(LYON, key="lyon")
    build_segment(trait("city", "in", ["Lyon", "Paris"]), key="both")
    build_segment(EVERYONE, key="all")
    overlap = client.get(f"{URL}overlap/", {"keys": "lyon,both,all"}).json()
    combinations = {frozenset(row["keys"]): row["size"] for row in overlap["combinations"]}
    assert combinations == {
        frozenset({"lyon", "both", "all"}): 2,
        frozenset({"both", "all"}): 1,
        frozenset({"all"}): 1,
    }
    sizes = {row["key"]: row["size"] for row in overlap["segments"]}
    assert sizes == {"lyon": 2, "both": 3, "all": 4}
    for keys in ("lyon", "", "lyon,missing"):
        refused = client.get(f"{URL}overlap/", {"keys": keys})
        assert (refused.status_code, refused.json()["errors"][0]["path"]) == (400, "keys")


def test_the_past_is_answered_from_the_history(client: APIClient) -> None:
    lyon, other = store_cities("Lyon", "Lyon")
    build_segment(LYON, now=NOW)
    change_traits(lyon, city="Nice")
    rebuild(["kept"], now=NOW + timedelta(days=2))
    then = client.get(f"{URL}kept/as-of/", {"at": (NOW + timedelta(days=1)).isoformat()}).json()
    assert then["size_then"] == 2
    assert {row["profile"] for row in then["results"]} == uuids([lyon, other])
    after = client.get(f"{URL}kept/as-of/", {"at": (NOW + timedelta(days=3)).isoformat()}).json()
    assert {row["profile"] for row in after["results"]} == uuids([other])
    early = client.get(f"{URL}kept/as-of/", {"at": (NOW - timedelta(days=1)).isoformat()})
    assert early.status_code == 404
    assert NOW.date().isoformat() in early.json()["errors"][0]["detail"]


def test_the_past_lists_merged_people_once_and_erased_people_not(client: APIClient) -> None:
    send_messages({"userId": "u1"}, {"anonymousId": "a1"}, {"userId": "u2"}, {"userId": "u3"})
    build_segment(EVERYONE)
    at = (Segment.objects.get(key="kept").evaluated_at or NOW).isoformat()
    send_messages({"userId": "u1", "anonymousId": "a1"})
    erase(profile_of("user_id:u3"))
    then = client.get(f"{URL}kept/as-of/", {"at": at, "page_size": 1}).json()
    listed = [row["profile"] for row in then["results"]]
    while then["next"]:
        then = client.get(then["next"]).json()
        listed += [row["profile"] for row in then["results"]]
    expected = [profile_of("user_id:u1"), profile_of("user_id:u2")]
    assert sorted(listed) == sorted(str(profile.uuid) for profile in expected)
    assert then["size_then"] == 4


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("post", "kept/rollback/", Scope.SEGMENTS_WRITE),
        ("post", "kept/clone/", Scope.SEGMENTS_WRITE),
        ("post", "kept/restore/", Scope.SEGMENTS_WRITE),
        ("post", "kept/compare/", Scope.SEGMENTS_READ),
        ("get", "kept/versions/", Scope.SEGMENTS_READ),
        ("get", "kept/figures/", Scope.SEGMENTS_READ),
        ("get", "overlap/", Scope.SEGMENTS_READ),
        ("get", "kept/as-of/", Scope.SEGMENTS_READ),
    ],
)
def test_each_route_needs_its_scope(method: str, path: str, scope: Scope) -> None:
    build_segment(EVERYONE)
    others = [each for each in Scope if each != scope]
    response = getattr(make_client(*others), method)(f"{URL}{path}", {})
    assert response.status_code == 403
    assert scope in response.json()["detail"]


def test_a_former_definition_hides_whom_it_asked_for(client: APIClient) -> None:
    build_segment(trait("email", "equals", "ada@example.org"))
    change(client, LYON)
    rebuild(["kept"])
    answers = {
        scope: make_client(Scope.SEGMENTS_READ, scope).get(f"{URL}kept/versions/")
        for scope in (Scope.SEGMENTS_WRITE, Scope.PROFILES_READ)
    }
    assert [len(answer.json()["results"]) for answer in answers.values()] == [2, 2]
    assert b"Lyon" in answers[Scope.SEGMENTS_WRITE].content
    assert b"ada@example.org" not in answers[Scope.SEGMENTS_WRITE].content
    assert b"ada@example.org" in answers[Scope.PROFILES_READ].content


@pytest.mark.parametrize("path", ["history/", "figures/", "as-of/?at=2030-01-01T00:00:00Z"])
def test_a_former_definition_tells_nobody_who_came_and_went(client: APIClient, path: str) -> None:
    build_segment(trait("email", "equals", "ada@example.org"))
    change(client, LYON)
    rebuild(["kept"])
    assert make_client(Scope.SEGMENTS_READ).get(f"{URL}kept/{path}").status_code == 403
    both = make_client(Scope.SEGMENTS_READ, Scope.PROFILES_READ)
    assert both.get(f"{URL}kept/{path}").status_code == 200
    assert make_client(Scope.SEGMENTS_READ).get(f"{URL}kept/members/").status_code == 200


@pytest.mark.parametrize("path", ["versions/", "figures/", "as-of/?at=2030-01-01T00:00:00Z"])
def test_a_sensitive_segment_needs_the_scope_of_people(path: str) -> None:
    build_segment(trait("email", "exists"))
    reader = make_client(Scope.SEGMENTS_READ)
    assert reader.get(f"{URL}kept/{path}").status_code == 403
    build_segment(EVERYONE, key="all")
    assert reader.get(f"{URL}overlap/", {"keys": "kept,all"}).status_code == 403
