"""Verdicts by the API: dry run, effects, conflicts, undoing, and why two are not one."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from profiles.models import IdentityDecision, Profile, TrustLevel
from tests.factories import make_client, profile_of, send_messages

pytestmark = pytest.mark.django_db
DECISIONS = "/api/v1/identity/decisions/"


@pytest.fixture
def service() -> APIClient:
    send_messages(
        {"userId": "u1", "traits": {"email": "ada@x.org"}},
        {"type": "track", "userId": "u1", "event": "Viewed"},
        {"anonymousId": "a1", "traits": {"email": "eve@x.org"}},
    )
    return make_client()


def body(verdict: str, one: str, other: str, **more: Any) -> dict[str, Any]:
    return {"verdict": verdict, "one": one, "other": other, "reason": "the same voice"} | more


def test_a_dry_run_tells_the_effects_and_writes_nothing(service: APIClient):
    answer = service.post(
        DECISIONS, body("same", "email:ada@x.org", "email:eve@x.org", dry_run=True)
    )
    assert answer.status_code == 200
    [profile] = answer.json()["effects"]["profiles"]
    names = {f"{row['namespace']}:{row['value']}" for row in profile["identifiers"]}
    assert {"email:ada@x.org", "email:eve@x.org", "anonymous_id:a1", "user_id:u1"} <= names
    assert profile["events"] == 1
    assert Profile.objects.count() == 2
    assert not IdentityDecision.objects.exists()


def test_a_verdict_joins_and_its_undoing_parts_again(service: APIClient):
    other = profile_of("email:eve@x.org")
    answer = service.post(DECISIONS, body("same", "email:ada@x.org", "email:eve@x.org"))
    assert answer.status_code == 201
    decision = answer.json()
    assert decision["verdict"] == "same"
    assert [profile["id"] for profile in decision["effects"]["profiles"]] == [
        str(profile_of("user_id:u1").uuid)
    ]
    [listed] = service.get(DECISIONS, {"standing": "true"}).json()["results"]
    assert listed["id"] == decision["id"]

    address = f"{DECISIONS}{decision['id']}/"
    dry = service.delete(f"{address}?dry_run=true")
    assert [len(dry.json()["profiles"]), Profile.objects.count()] == [2, 1]
    assert service.delete(address).json() == dry.json()
    assert profile_of("email:eve@x.org").uuid == other.uuid
    assert service.delete(address).status_code == 404
    assert service.get(DECISIONS, {"standing": "false"}).json()["results"]


def test_what_another_verdict_or_a_unique_key_forbids_is_a_conflict(service: APIClient):
    service.post(DECISIONS, body("related", "user_id:u1", "anonymous_id:a1"))
    answer = service.post(DECISIONS, body("same", "email:ada@x.org", "email:eve@x.org"))
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["code"] == "related"
    send_messages({"userId": "u2"})
    answer = service.post(DECISIONS, body("same", "user_id:u2", "email:ada@x.org"))
    assert answer.json()["errors"][0]["code"] == "unique"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"one": "email:nobody@x.org"}, "one"),
        ({"other": "no reference"}, "other"),
        ({"other": "email:ada@x.org"}, "other"),
        ({"verdict": "perhaps"}, "verdict"),
        ({"survivor": "00000000-0000-0000-0000-000000000000"}, "survivor"),
        ({"verdict": "not_same", "survivor": "00000000-0000-0000-0000-000000000000"}, "survivor"),
        ({"reason": ""}, "reason"),
        ({"because": "x"}, "because"),
    ],
)
def test_a_faulty_verdict_names_the_path(service: APIClient, change: dict[str, Any], path: str):
    verdict = body("same", "email:ada@x.org", "email:eve@x.org") | change
    answer = service.post(DECISIONS, verdict)
    assert answer.status_code == 400
    assert [error["path"] for error in answer.json()["errors"]] == [path]


def test_why_not_merged_names_the_rule_the_fact_and_what_it_would_take(service: APIClient):
    claim = {"userId": "u9", "traits": {"email": "ada@x.org"}}
    send_messages(claim, source="web", trust=TrustLevel.CLAIM)
    pair = {"one": "user_id:u9", "other": "user_id:u1"}
    answer = service.post("/api/v1/identity/why-not-merged/", pair).json()
    assert answer["merged"] is False
    assert {"namespace": "email", "value": "ada@x.org"} in answer["shared"]
    [refusal] = answer["refusals"]
    assert refusal["rule"] == "trust"
    assert refusal["fact"]["source"] == "web"
    assert refusal["needed"] in answer["sentence"]
    assert answer["sentence"].startswith("They are two people's.")
    url = "/api/v1/identity/why-not-merged/"
    french = service.post(url, pair, headers={"Accept-Language": "fr"}).json()
    assert french["sentence"].startswith("Ils sont à deux personnes.")
    assert french["refusals"][0]["needed"] in french["sentence"]
    assert french["refusals"][0]["needed"] != refusal["needed"]


def test_why_merged_goes_by_facts_and_verdicts(service: APIClient):
    service.post(DECISIONS, body("same", "email:ada@x.org", "email:eve@x.org"))
    pair = {"one": "user_id:u1", "other": "anonymous_id:a1"}
    answer = service.post("/api/v1/identity/why-merged/", pair).json()
    assert answer["merged"] is True
    assert [step["source"] for step in answer["path"]] == ["shop", "decision", "shop"]
    assert answer["refusals"] == []


def test_a_restricted_person_is_not_shown_to_a_key_that_may_not_see_them(service: APIClient):
    Profile.objects.filter(pk=profile_of("user_id:u1").pk).update(is_restricted=True)
    blind = make_client("profiles:read", "profiles:write")
    pair = {"one": "user_id:u1", "other": "anonymous_id:a1"}
    assert blind.post("/api/v1/identity/why-not-merged/", pair).status_code == 403
    assert blind.post(DECISIONS, body("same", *pair.values())).status_code == 403


@pytest.mark.parametrize("side", ["one", "other"])
def test_a_public_id_is_refused_since_a_verdict_on_it_would_move_nobody(
    service: APIClient, side: str
):
    public = f"profile:{profile_of('email:eve@x.org').uuid}"
    answer = service.post(DECISIONS, body("same", "user_id:u1", "email:ada@x.org") | {side: public})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["path"] == side
    assert not IdentityDecision.objects.exists()


def test_verdicts_on_restricted_people_are_for_keys_that_may_read_them(service: APIClient):
    answer = service.post(DECISIONS, body("not_same", "user_id:u1", "email:eve@x.org"))
    service.post(DECISIONS, body("not_same", "user_id:u1", "anonymous_id:a1"))
    address = f"{DECISIONS}{answer.json()['id']}/"
    blind = make_client("profiles:read", "profiles:write")
    assert len(blind.get(DECISIONS).json()["results"]) == 2
    Profile.objects.filter(pk=profile_of("email:eve@x.org").pk).update(is_restricted=True)
    assert blind.get(DECISIONS).json()["results"] == []
    assert blind.delete(address).status_code == 403
    assert len(service.get(DECISIONS).json()["results"]) == 2
    assert service.delete(address).status_code == 200


def test_a_comparison_names_no_restricted_third_person(service: APIClient):
    send_messages(
        {"userId": "u2", "traits": {"email": "bob@x.org"}},
        {"userId": "u3", "traits": {"email": "third@x.org"}},
        {"anonymousId": "a3", "userId": "u1", "traits": {"email": "third@x.org"}},
        {"anonymousId": "a3", "userId": "u2", "traits": {"email": "third@x.org"}},
    )
    pair = {"one": "user_id:u1", "other": "user_id:u2"}
    url, blind = "/api/v1/identity/why-not-merged/", make_client("profiles:read")
    assert b"third@x.org" in blind.post(url, pair).content
    Profile.objects.filter(pk=profile_of("user_id:u3").pk).update(is_restricted=True)
    answer = blind.post(url, pair)
    assert answer.status_code == 200
    assert answer.json()["refusals"]
    assert b"third@x.org" not in answer.content
    assert b"third@x.org" in service.post(url, pair).content
