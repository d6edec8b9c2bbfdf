"""The API of profiles: lists, look-ups, single profiles and their rows, by scope."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from rest_framework.test import APIClient

from profiles.models import Event, Identifier, Merge
from profiles.models.access import Scope
from tests.factories import (
    NOW,
    make_client,
    make_profile,
    make_purpose,
    make_source,
    profile_of,
    send_messages,
)
from tests.profiles.callers import ids, join_segment

pytestmark = pytest.mark.django_db


def lookup(client: APIClient, *references: str) -> list[dict[str, object] | None]:
    response = client.post("/api/v1/profiles/lookup/", {"identifiers": references})
    assert response.status_code == 200, response.json()
    return response.json()["results"]


def test_a_profile_is_shown_with_all_that_the_api_promises(reader: APIClient) -> None:
    make_purpose("newsletter")
    send_messages({"userId": "u1", "traits": {"email": "Ada@Example.org", "city": "Lyon"}})
    profile = profile_of("user_id:u1")
    join_segment(profile, "lyon")
    body = reader.get(f"/api/v1/profiles/{profile.uuid}/").json()
    assert body.keys() == {
        *("id", "traits", "identifiers", "segments", "consents"),
        *("first_seen_at", "last_seen_at", "status"),
    }
    assert body["id"] == str(profile.uuid)
    assert body["traits"] == {"email": "ada@example.org", "city": "Lyon"}
    assert body["segments"] == ["lyon"]
    assert body["consents"] == {
        "newsletter": {
            "state": "unknown",
            "basis": "consent",
            "objected": False,
            "permitted": False,
            "valid_until": None,
        }
    }
    assert body["status"] == "active"
    names = {(row["namespace"], row["value"]) for row in body["identifiers"]}
    assert names == {
        ("email", "ada@example.org"),
        ("user_id", "u1"),
        ("profile", str(profile.uuid)),
    }
    assert all(
        row.keys() == {"namespace", "value", "vouched", "first_seen_at", "last_seen_at"}
        for row in body["identifiers"]
    )


def test_a_consent_given_and_an_objection_show_at_once(reader: APIClient) -> None:
    make_purpose("newsletter")
    make_profile("email:ada@example.org")
    office = make_client(Scope.CONSENT_WRITE, Scope.CONSENT_READ)
    statement = {"identifier": "email:ada@example.org", "purpose": "newsletter", "method": "phone"}

    def consent_state() -> tuple[object, ...]:
        consent = lookup(reader, "email:ada@example.org")[0]["consents"]["newsletter"]
        return consent["state"], consent["objected"], consent["permitted"]

    assert office.post("/api/v1/consents/", statement | {"state": "given"}).status_code == 201
    assert consent_state() == ("given", False, True)
    objection = statement | {"kind": "objection", "state": "given"}
    assert office.post("/api/v1/consents/", objection).status_code == 201
    assert consent_state() == ("given", True, False)


def test_times_are_rfc_3339_in_utc(reader: APIClient) -> None:
    profile = make_profile("email:ada@example.org")
    body = reader.get(f"/api/v1/profiles/{profile.uuid}/").json()
    assert body["last_seen_at"] == "2026-03-15T12:00:00Z"
    assert body["identifiers"][0]["first_seen_at"] == "2026-03-15T00:00:00Z"


def test_lookup_answers_in_the_order_asked_with_null_for_who_is_unknown(reader: APIClient) -> None:
    ada, bob = make_profile("email:ada@example.org"), make_profile("user_id:b1")
    results = lookup(
        reader,
        *("user_id:b1", "email:nobody@example.org", " email:ADA@example.org".strip()),
        *(f"profile:{bob.uuid}", "email:not an address", "user_id:b1"),
    )
    ids = [row and row["id"] for row in results]
    assert ids == [str(bob.uuid), None, str(ada.uuid), str(bob.uuid), None, str(bob.uuid)]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "identifiers"),
        ({"identifiers": []}, "identifiers"),
        ({"identifiers": ["user_id:u"] * 1001}, "identifiers"),
        ({"identifiers": ["user_id:u1", "u1"]}, "identifiers[1]"),
        ({"identifiers": ["user_id:"]}, "identifiers[0]"),
        ({"identifiers": [None]}, "identifiers[0]"),
        ({"identifiers": ["user_id:\x00"]}, "identifiers[0]"),
    ],
)
def test_lookup_refuses_what_is_no_list_of_references(
    reader: APIClient, body: object, path: str
) -> None:
    response = reader.post("/api/v1/profiles/lookup/", body)
    assert response.status_code == 400
    assert path in [fault["path"] for fault in response.json()["errors"]]


def test_an_absorbed_uuid_gives_the_profile_that_it_is_part_of(reader: APIClient) -> None:
    send_messages({"anonymousId": "a1"})
    send_messages({"userId": "u1"})
    absorbed = {profile_of("anonymous_id:a1").uuid, profile_of("user_id:u1").uuid}
    send_messages({"userId": "u1", "anonymousId": "a1"})
    survivor = profile_of("user_id:u1")
    (gone,) = absorbed - {survivor.uuid}
    assert reader.get(f"/api/v1/profiles/{gone}/").json()["id"] == str(survivor.uuid)
    assert lookup(reader, f"profile:{gone}")[0]["id"] == str(survivor.uuid)
    merges = reader.get(f"/api/v1/profiles/{gone}/merges/").json()["results"]
    assert [merge["absorbed"] for merge in merges] == [str(gone)]
    assert merges[0].keys() == {"absorbed", "rule", "actor", "merged_at"}


def test_an_unknown_uuid_is_404_everywhere_below_it(reader: APIClient) -> None:
    for tail in ("", "identifiers/", "events/", "traits/", "segments/", "consents/", "merges/"):
        response = reader.get(f"/api/v1/profiles/{uuid4()}/{tail}")
        assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")


def test_of_a_restricted_person_only_id_and_status_are_shown(reader: APIClient) -> None:
    profile = make_profile("email:ada@example.org", traits={"city": "Lyon"}, is_restricted=True)
    bare = {"id": str(profile.uuid), "status": "restricted"}
    assert reader.get(f"/api/v1/profiles/{profile.uuid}/").json() == bare
    assert reader.get("/api/v1/profiles/").json()["results"] == [bare]
    assert lookup(reader, "email:ada@example.org") == [bare]
    for tail in ("identifiers/", "events/", "traits/", "segments/", "consents/", "merges/"):
        assert reader.get(f"/api/v1/profiles/{profile.uuid}/{tail}").status_code == 403
    assert ids(reader, "?trait.city=Lyon") == set()
    assert ids(reader, "?seen_after=2026-01-01T00:00:00Z") == set()
    assert ids(reader, "?status=restricted") == {str(profile.uuid)}


def test_a_key_that_acts_for_customers_sees_the_restricted() -> None:
    agent = make_client(Scope.PROFILES_READ, Scope.PRIVACY_ACT)
    profile = make_profile("email:ada@example.org", traits={"city": "Lyon"}, is_restricted=True)
    body = lookup(agent, "email:ada@example.org")[0]
    assert (body["status"], body["traits"]) == ("restricted", {"city": "Lyon"})
    assert ids(agent, "?trait.city=Lyon") == {str(profile.uuid)}
    assert agent.get(f"/api/v1/profiles/{profile.uuid}/traits/").status_code == 200


def test_a_thousand_profiles_take_as_many_queries_as_one(
    reader: APIClient, django_assert_num_queries: object
) -> None:
    make_purpose("newsletter")
    for number in range(30):
        join_segment(make_profile(f"user_id:u{number}"), "vip")
    reader.get("/api/v1/profiles/")
    for size in (1, 30):
        with django_assert_num_queries(QUERIES_OF_A_PAGE):
            assert len(reader.get(f"/api/v1/profiles/?page_size={size}").json()["results"]) == size
        with django_assert_num_queries(QUERIES_OF_A_PAGE + 1):
            lookup(reader, *[f"user_id:u{number}" for number in range(size)])


# The key, the page, identifiers, segments, for consents: restriction, purposes and states, and the
# log of reads.
QUERIES_OF_A_PAGE = 8


@pytest.mark.parametrize(
    ("tail", "queries"),
    [
        ("identifiers/", 4),
        ("events/", 4),
        ("merges/", 4),
        ("segments/", 4),
        ("consents/", 6),
        ("traits/", 14),
    ],
)
def test_lists_of_one_profile_take_few_queries(
    reader: APIClient, django_assert_num_queries: object, tail: str, queries: int
) -> None:
    send_messages({"userId": "u1", "traits": {"city": "Lyon", "email": "ada@example.org"}})
    send_messages(
        *({"type": "track", "userId": "u1", "event": f"E{number}"} for number in range(5))
    )
    profile = profile_of("user_id:u1")
    with django_assert_num_queries(queries):
        assert reader.get(f"/api/v1/profiles/{profile.uuid}/{tail}").status_code == 200


def test_identifiers_are_paged_and_filtered(reader: APIClient) -> None:
    profile = make_profile("email:a@example.org", "email:b@example.org", is_vouched=False)
    make_profile("email:c@example.org")
    url = f"/api/v1/profiles/{profile.uuid}/identifiers/"
    first = reader.get(f"{url}?namespace=email&page_size=1").json()
    second = reader.get(first["next"]).json()
    values = [row["value"] for page in (first, second) for row in page["results"]]
    assert values == ["a@example.org", "b@example.org"]
    assert second["next"] is None
    assert reader.get(f"{url}?vouched=true").json()["results"] == []
    assert {UUID(row["id"]) for row in first["results"]}


def test_events_are_shown_with_their_source_and_value(reader: APIClient) -> None:
    send_messages(
        {
            "type": "track",
            "userId": "u1",
            "event": "Order Completed",
            "timestamp": "2026-02-03T04:05:06.789Z",
            "properties": {"revenue": 19.99, "size": 43},
            "context": {"page": {"path": "/cart"}},
        }
    )
    profile = profile_of("user_id:u1")
    (event,) = reader.get(f"/api/v1/profiles/{profile.uuid}/events/").json()["results"]
    received_at = datetime.fromisoformat(event.pop("received_at"))
    assert received_at.utcoffset() == timedelta()
    assert event == {
        "id": str(Event.objects.get().id),
        "name": "Order Completed",
        "type": "track",
        "timestamp": "2026-02-03T04:05:06.789000Z",
        "value": 19.99,
        "properties": {"revenue": 19.99, "size": 43},
        "context": {"page": {"path": "/cart"}},
        "source": "shop",
    }


def test_events_are_filtered(reader: APIClient) -> None:
    day = "2026-02-0{}T00:00:00Z"
    send_messages(
        {"type": "track", "userId": "u1", "event": "Viewed", "timestamp": day.format(1)},
        {"type": "track", "userId": "u1", "event": "Bought", "timestamp": day.format(2)},
    )
    send_messages(
        {"type": "page", "userId": "u1", "name": "Home", "timestamp": day.format(3)}, source="web"
    )
    url = f"/api/v1/profiles/{profile_of('user_id:u1').uuid}/events/"

    def names(query: str) -> list[str]:
        return [row["name"] for row in reader.get(f"{url}?{query}").json()["results"]]

    assert names("") == ["Home", "Bought", "Viewed"]
    assert names("name=Bought") == ["Bought"]
    assert names("type=page") == ["Home"]
    assert names("source=shop") == ["Bought", "Viewed"]
    assert names(f"after={day.format(2)}&before={day.format(3)}") == ["Bought"]


def test_events_of_one_instant_are_paged_without_loss_or_repetition(reader: APIClient) -> None:
    moment = "2026-02-01T00:00:00Z"
    send_messages(
        *(
            {"type": "track", "userId": "u1", "event": "Imported", "timestamp": moment}
            for _ in range(7)
        )
    )
    url = f"/api/v1/profiles/{profile_of('user_id:u1').uuid}/events/?page_size=3"
    pages = []
    while url:
        page = reader.get(url).json()
        pages.append([row["id"] for row in page["results"]])
        url, back = page["next"], page["previous"]
    assert [len(page) for page in pages] == [3, 3, 1]
    assert len({event for page in pages for event in page}) == 7
    assert [row["id"] for row in reader.get(back).json()["results"]] == pages[1]


def test_segments_and_consents_are_lists_of_one_page(reader: APIClient) -> None:
    make_purpose("newsletter")
    profile = make_profile()
    join_segment(profile, "vip")
    base = f"/api/v1/profiles/{profile.uuid}"
    assert reader.get(f"{base}/segments/").json() == {
        "next": None,
        "previous": None,
        "results": [{"key": "vip", "name": "Vip", "entered_at": "2026-03-15T12:00:00Z"}],
    }
    (consent,) = reader.get(f"{base}/consents/").json()["results"]
    assert (consent["purpose"], consent["permitted"]) == ("newsletter", False)


def test_merges_are_filtered_by_time(reader: APIClient) -> None:
    profile = make_profile()
    Merge.objects.create(
        survivor=profile,
        absorbed_id=1,
        absorbed_uuid=uuid4(),
        survivor_identifier_ids=[],
        absorbed_identifier_ids=[],
        rule="shared identifier",
        actor="identity",
        merged_at=NOW,
    )
    url = f"/api/v1/profiles/{profile.uuid}/merges/"
    assert len(reader.get(f"{url}?after=2026-03-15T12:00:00Z").json()["results"]) == 1
    assert reader.get(f"{url}?before=2026-03-15T12:00:00Z").json()["results"] == []


def test_no_answer_holds_an_internal_number(reader: APIClient) -> None:
    make_source(key="shop")
    send_messages({"userId": "u1", "traits": {"email": "ada@example.org"}})
    profile = profile_of("user_id:u1")
    internal = {profile.pk, *Identifier.objects.values_list("pk", flat=True)}
    for tail in ("", "identifiers/", "traits/", "events/", "merges/"):
        body = reader.get(f"/api/v1/profiles/{profile.uuid}/{tail}").json()
        assert not internal & set(_numbers(body))


def _numbers(body: object) -> list[int]:
    match body:
        case bool():
            return []
        case int():
            return [body]
        case dict():
            return [number for inner in body.values() for number in _numbers(inner)]
        case list():
            return [number for inner in body for number in _numbers(inner)]
        case _:
            return []
