"""Explanations of traits and merges, and corrections of traits."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from profiles.models import ProfileChange, Source, TraitDefinition, TraitLock, TrustLevel
from profiles.models.access import Scope
from profiles.services import Review, change_source, review_traits
from tests.factories import TESTER, make_client, make_profile, profile_of, send_messages

pytestmark = pytest.mark.django_db


@pytest.fixture
def steward() -> APIClient:
    return make_client(Scope.PROFILES_READ, Scope.PROFILES_WRITE)


def below(reference: str, tail: str) -> str:
    return f"/api/v1/profiles/{profile_of(reference).uuid}/{tail}"


def traits_of(client: APIClient, reference: str) -> dict[str, dict[str, Any]]:
    rows = client.get(below(reference, "traits/")).json()["results"]
    return {row["key"]: row for row in rows}


def named(user: str, at: str, **traits: object) -> dict[str, object]:
    return {"userId": user, "traits": traits, "timestamp": at}


def test_each_trait_tells_its_source_time_and_the_statements_that_lost(steward: APIClient) -> None:
    send_messages(named("u1", "2026-01-01T00:00:00Z", city="Lyon", size=43.5), source="crm")
    send_messages(named("u1", "2026-02-01T00:00:00Z", city="Rome"), source="shop")
    city = traits_of(steward, "user_id:u1")["city"]
    assert city == {
        "key": "city",
        "value": "Rome",
        "decided_by": "source",
        "policy": "most_trusted",
        "source": "shop",
        "trust": "server",
        "party": "first",
        "said_at": "2026-02-01T00:00:00Z",
        "lock": None,
        "losers": [
            {
                "value": "Lyon",
                "source": "crm",
                "trust": "server",
                "party": "first",
                "said_at": "2026-01-01T00:00:00Z",
            }
        ],
    }
    assert traits_of(steward, "user_id:u1")["size"]["value"] == 43.5


def test_a_statement_is_of_the_party_of_its_trait_else_of_its_source(steward: APIClient) -> None:
    send_messages(named("u1", "2026-01-01T00:00:00Z", city="Lyon", size=43), source="broker")
    change_source(Source.objects.get(key="broker"), actor=TESTER, party="third")
    review_traits(["size"], Review(party="zero"), actor=TESTER)
    assert {key: row["party"] for key, row in traits_of(steward, "user_id:u1").items()} == {
        "city": "third",
        "size": "zero",
    }


def test_why_trait_names_the_policy_that_decided(steward: APIClient) -> None:
    TraitDefinition.objects.create(key="city", type="text", policy="first")
    send_messages(named("u1", "2026-01-01T00:00:00Z", city="Lyon"), source="crm")
    send_messages(named("u1", "2026-02-01T00:00:00Z", city="Rome"), source="shop")
    why = steward.get(below("user_id:u1", "why-trait/?key=city")).json()
    assert (why["value"], why["policy"], why["source"]) == ("Lyon", "first", "crm")


def test_why_trait_tells_of_a_trait_that_was_taken_back(steward: APIClient) -> None:
    send_messages(named("u1", "2026-01-01T00:00:00Z", city="Lyon"))
    send_messages(named("u1", "2026-02-01T00:00:00Z", city=None))
    why = steward.get(below("user_id:u1", "why-trait/?key=city")).json()
    assert (why["value"], why["source"], why["said_at"]) == (None, "shop", "2026-02-01T00:00:00Z")
    assert "city" not in traits_of(steward, "user_id:u1")


def test_why_trait_asks_for_a_key_and_knows_only_what_was_said(steward: APIClient) -> None:
    send_messages(named("u1", "2026-01-01T00:00:00Z", city="Lyon"))
    assert steward.get(below("user_id:u1", "why-trait/")).json()["errors"][0]["path"] == "key"
    assert steward.get(below("user_id:u1", "why-trait/?key=age")).status_code == 404


def test_why_trait_explains_a_part_with_its_whole(steward: APIClient) -> None:
    lyon = {"city": "Lyon", "postalCode": "69001", "place": {"floor": 0}}
    send_messages(named("u1", "2026-01-01T00:00:00Z", address=lyon), source="crm")
    send_messages(named("u1", "2026-02-01T00:00:00Z", address={"city": "Rome"}), source="shop")
    why = steward.get(below("user_id:u1", "why-trait/?key=address.city")).json()
    assert (why["key"], why["value"], why["source"]) == ("address.city", "Rome", "shop")
    assert [(other["value"], other["source"]) for other in why["losers"]] == [("Lyon", "crm")]
    # The winner says nothing of it, which takes it away.
    why = steward.get(below("user_id:u1", "why-trait/?key=address.place.floor")).json()
    assert (why["value"], why["source"]) == (None, "shop")
    assert [other["value"] for other in why["losers"]] == [0]
    for key in ("address.street", "address.city.name", "city", "address."):
        assert steward.get(below("user_id:u1", f"why-trait/?key={key}")).status_code == 404


def test_an_address_is_decided_by_the_identifier_and_names_who_said_it(steward: APIClient) -> None:
    send_messages(named("u1", "2026-01-01T00:00:00Z", email=" Ada@Example.ORG"), source="crm")
    email = traits_of(steward, "user_id:u1")["email"]
    assert (email["value"], email["decided_by"]) == ("ada@example.org", "identifier")
    assert (email["source"], email["losers"]) == ("crm", [])


def test_an_address_that_no_source_says_any_more_has_no_source(steward: APIClient) -> None:
    send_messages(
        {"userId": "u1", "context": {"traits": {"email": "ada@example.org"}}, "type": "page"}
    )
    email = traits_of(steward, "user_id:u1")
    assert email == {} or email["email"]["source"] is None


def test_a_rectification_stays_whatever_sources_send_later(steward: APIClient) -> None:
    send_messages(named("u1", "2026-01-01T00:00:00Z", city="Lyno", age=30))
    body = {"changes": {"city": "Lyon", "age": None}, "reason": "asked for by telephone"}
    response = steward.patch(below("user_id:u1", "traits/"), body)
    assert response.status_code == 200
    (city,) = response.json()["results"]
    assert (city["value"], city["decided_by"], city["source"]) == ("Lyon", "lock", None)
    assert city["lock"].keys() == {"actor", "reason", "locked_at"}
    assert city["lock"]["actor"] == "tests"
    send_messages(named("u1", "2026-03-01T00:00:00Z", city="Lyno", age=31))
    assert profile_of("user_id:u1").traits == {"city": "Lyon"}
    assert traits_of(steward, "user_id:u1")["city"]["losers"][0]["value"] == "Lyno"
    assert TraitLock.objects.filter(reason="asked for by telephone").count() == 2


def test_a_rectification_has_the_profile_evaluated_again(steward: APIClient) -> None:
    profile = make_profile("user_id:u1")
    steward.patch(below("user_id:u1", "traits/"), {"changes": {"city": "Lyon"}, "reason": "x"})
    assert ProfileChange.objects.filter(profile_id=profile.pk).exists()


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"reason": "x"}, "changes"),
        ({"changes": {}, "reason": "x"}, "changes"),
        ({"changes": {"city": "Lyon"}}, "reason"),
        ({"changes": {"city": "Lyon"}, "reason": " "}, "reason"),
        ({"changes": [1], "reason": "x"}, "changes"),
        ({"changes": {"city": "\x00"}, "reason": "x"}, "changes.city"),
        ({"changes": {" ": "x"}, "reason": "x"}, "changes. "),
        ({"changes": {"k" * 256: "x"}, "reason": "x"}, f"changes.{'k' * 80}"),
    ],
)
def test_a_rectification_that_cannot_be_stored_names_the_path(
    steward: APIClient, body: object, path: str
) -> None:
    make_profile("user_id:u1")
    response = steward.patch(below("user_id:u1", "traits/"), body)
    assert response.status_code == 400
    assert path.strip() in [fault["path"].strip() for fault in response.json()["errors"]]


@pytest.mark.parametrize(
    "text",
    [
        '{"x": 1e999}',
        '{"x": ' + "[" * 40 + "]" * 40 + "}",
        '{"x": ["\\ud800"]}',
        '{"\\ud800": 1}',
    ],
)
def test_a_rectification_takes_nothing_endless_and_no_half_characters(
    steward: APIClient, text: str
) -> None:
    make_profile("user_id:u1")
    body = '{"reason": "x", "changes": ' + text + "}"
    response = steward.patch(below("user_id:u1", "traits/"), body, content_type="application/json")
    assert response.status_code == 400


def test_only_a_key_that_may_write_corrects(steward: APIClient) -> None:
    make_profile("user_id:u1")
    body = {"changes": {"city": "Lyon"}, "reason": "x"}
    reader = make_client(Scope.PROFILES_READ)
    assert reader.patch(below("user_id:u1", "traits/"), body).status_code == 403
    writer = make_client(Scope.PROFILES_WRITE)
    assert writer.get(below("user_id:u1", "traits/")).status_code == 403


def test_traits_of_a_restricted_person_are_corrected_only_on_the_persons_behalf(
    steward: APIClient,
) -> None:
    make_profile("user_id:u1", is_restricted=True)
    body = {"changes": {"city": "Lyon"}, "reason": "x"}
    assert steward.patch(below("user_id:u1", "traits/"), body).status_code == 403
    agent = make_client(Scope.PROFILES_WRITE, Scope.PRIVACY_ACT)
    assert agent.patch(below("user_id:u1", "traits/"), body).status_code == 200


def path_between(client: APIClient, start: str, end: str) -> Any:
    response = client.post(below(start, "why-merged/"), {"a": start, "b": end})
    assert response.status_code == 200, response.json()
    return response.json()["path"]


def test_why_merged_is_the_shortest_path_of_facts(steward: APIClient) -> None:
    send_messages({"userId": "u1", "traits": {"email": "ada@example.org"}}, source="crm")
    send_messages({"anonymousId": "a1"}, source="web", trust=TrustLevel.CLAIM)
    send_messages({"userId": "u1", "anonymousId": "a1"}, source="shop")
    path = path_between(steward, "email:ada@example.org", "anonymous_id:a1")
    assert [(step["a"]["namespace"], step["b"]["namespace"]) for step in path] == [
        ("email", "user_id"),
        ("user_id", "anonymous_id"),
    ]
    assert [(step["source"], step["trust"], step["rule"]) for step in path] == [
        ("crm", "server", "seen together"),
        ("shop", "server", "merge"),
    ]
    assert path[0]["a"]["value"] == "ada@example.org"
    assert path[0]["day"]


def test_a_refused_fact_is_no_step(steward: APIClient) -> None:
    """The claim names both and is refused; only the later, longer way joins them."""
    send_messages({"userId": "u1", "traits": {"email": "ada@example.org"}})
    send_messages({"userId": "u2", "traits": {"phone": "+33612345678"}})
    send_messages(
        {"anonymousId": "a1", "traits": {"email": "ada@example.org", "phone": "+33612345678"}},
        source="web",
        trust=TrustLevel.CLAIM,
    )
    assert profile_of("user_id:u1") != profile_of("user_id:u2")
    response = steward.post(
        below("user_id:u1", "why-merged/"), {"a": "user_id:u1", "b": "user_id:u2"}
    )
    assert [fault["path"] for fault in response.json()["errors"]] == ["b"]


def test_why_merged_takes_opaque_ids_in_the_url(steward: APIClient) -> None:
    send_messages({"userId": "u1", "anonymousId": "a1"})
    rows = steward.get(below("user_id:u1", "identifiers/")).json()["results"]
    ids = {row["namespace"]: row["id"] for row in rows}
    query = f"why-merged/?a={ids['user_id']}&b={ids['anonymous_id']}"
    (step,) = steward.get(below("user_id:u1", query)).json()["path"]
    assert (step["a"]["value"], step["b"]["value"]) == ("u1", "a1")


def test_no_fact_joins_a_public_uuid(steward: APIClient) -> None:
    send_messages({"userId": "u1"})
    uuid = profile_of("user_id:u1").uuid
    assert path_between(steward, "user_id:u1", f"profile:{uuid}") is None


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({}, ["a", "b"]),
        ({"a": "user_id:u1", "b": "nonsense"}, ["b"]),
        ({"a": "user_id:u1", "b": "user_id:u2"}, ["b"]),
        ({"a": "user_id:other", "b": "user_id:other"}, ["a", "b"]),
    ],
)
def test_why_merged_names_the_end_that_is_no_identifier_of_the_profile(
    steward: APIClient, body: object, paths: list[str]
) -> None:
    make_profile("user_id:u1")
    make_profile("user_id:other")
    response = steward.post(below("user_id:u1", "why-merged/"), body)
    assert response.status_code == 400
    assert [fault["path"] for fault in response.json()["errors"]] == paths
    response = steward.get(below("user_id:u1", "why-merged/?a=1&b=2"))
    assert [fault["path"] for fault in response.json()["errors"]] == ["a", "b"]


def test_a_new_order_of_sources_is_followed_by_traits_that_go_by_it(steward: APIClient) -> None:
    TraitDefinition.objects.create(key="city", type="text", policy="source_order")
    send_messages(named("u1", "2026-01-01T00:00:00Z", city="Lyon"), source="crm")
    send_messages(named("u1", "2026-02-01T00:00:00Z", city="Rome"), source="shop")
    assert profile_of("user_id:u1").traits == {"city": "Rome"}
    admin = make_client(Scope.PRIVACY_ADMIN)
    assert admin.patch("/api/v1/sources/crm/", {"priority": 1}).status_code == 200
    assert Source.objects.get(key="crm").priority == 1
    assert profile_of("user_id:u1").traits == {"city": "Lyon"}
