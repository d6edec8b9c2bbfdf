"""Proposals by the API: what is listed, how it is answered, and to whom it is shown."""

import pytest
from rest_framework.test import APIClient

from profiles.models import IdentityDecision, MatchModel, MatchProposal, Profile
from tests.factories import make_client, profile_of, send_messages

pytestmark = pytest.mark.django_db
PROPOSALS = "/api/v1/match-proposals/"


@pytest.fixture
def proposal() -> MatchProposal:
    send_messages({"userId": "a", "traits": {"first_name": "Ada", "city": "Lyon"}})
    send_messages({"anonymousId": "b", "traits": {"first_name": "Adah", "diagnosis": "flu"}})
    sides = (profile_of(name) for name in ("user_id:a", "anonymous_id:b"))
    one, other = (side.identifiers.get(namespace="profile") for side in sides)
    weights = {"city": 0.4, "given_name": 14.1}
    return MatchProposal.objects.create(
        one=one, other=other, probability=0.95, prior=-10.2, weights=weights
    )


@pytest.fixture
def service(proposal: MatchProposal) -> APIClient:
    return make_client()


def test_a_proposal_has_its_profiles_and_the_values_behind_each_weight(
    service: APIClient, proposal: MatchProposal
) -> None:
    [listed] = service.get(PROPOSALS, {"state": "open"}).json()["results"]
    assert listed["id"] == str(proposal.uuid)
    uuids = [str(profile_of(name).uuid) for name in ("user_id:a", "anonymous_id:b")]
    assert (listed["profiles"], listed["state"]) == (uuids, "open")
    assert listed["weights"] == [
        {"field": "given_name", "weight": 14.1, "values": [["Ada"], ["Adah"]]},
        {"field": "city", "weight": 0.4, "values": [["Lyon"], []]},
    ]
    assert service.get(PROPOSALS, {"probability_min": "0.96"}).json()["results"] == []
    assert service.get(PROPOSALS, {"stat": "open"}).status_code == 400


def test_accepting_can_be_tried_and_then_joins_for_good(
    service: APIClient, proposal: MatchProposal
) -> None:
    address = f"{PROPOSALS}{proposal.uuid}/accept/"
    dry = service.post(address, {"dry_run": True})
    assert (dry.status_code, Profile.objects.count()) == (200, 2)
    assert dry.json()["state"] == "open"
    answer = service.post(address, {"reason": "the same voice"}).json()
    assert answer["state"] == "accepted"
    assert answer["effects"] == dry.json()["effects"]
    assert Profile.objects.count() == 1
    assert IdentityDecision.objects.get().reason == "the same voice"
    again = service.post(address, {})
    assert (again.status_code, again.json()["errors"][0]["code"]) == (409, "answered")


@pytest.mark.parametrize(
    ("answer", "state", "verdicts"),
    [("decline", "declined", []), ("related", "related", ["related"]), ("later", "open", [])],
)
def test_other_answers(
    service: APIClient, proposal: MatchProposal, answer: str, state: str, verdicts: list[str]
) -> None:
    response = service.post(f"{PROPOSALS}{proposal.uuid}/{answer}/")
    assert (response.status_code, response.json()["state"]) == (200, state)
    assert [row.verdict for row in IdentityDecision.objects.all()] == verdicts
    assert Profile.objects.count() == 2


def test_a_unique_key_forbids_a_service_to_accept(
    service: APIClient, proposal: MatchProposal
) -> None:
    send_messages({"userId": "b2", "anonymousId": "b"})
    refusal = service.post(f"{PROPOSALS}{proposal.uuid}/accept/", {})
    assert (refusal.status_code, refusal.json()["errors"][0]["code"]) == (409, "unique")
    proposal.refresh_from_db()
    assert proposal.state == "open"


def test_restricted_people_are_shown_to_nobody_who_may_not_see_them(
    service: APIClient, proposal: MatchProposal
) -> None:
    Profile.objects.filter(pk=profile_of("user_id:a").pk).update(is_restricted=True)
    blind = make_client("profiles:read", "profiles:write")
    assert blind.get(PROPOSALS).json()["results"] == []
    assert blind.post(f"{PROPOSALS}{proposal.uuid}/decline/").status_code == 404
    assert len(service.get(PROPOSALS).json()["results"]) == 1


def test_two_that_were_joined_otherwise_are_asked_about_no_longer(
    service: APIClient, proposal: MatchProposal
) -> None:
    send_messages({"userId": "a", "anonymousId": "b"})
    assert service.get(PROPOSALS).json()["results"] == []
    assert service.post(f"{PROPOSALS}{proposal.uuid}/accept/", {}).status_code == 404


def test_it_says_why_nothing_is_proposed(service: APIClient) -> None:
    assert service.get(f"{PROPOSALS}model/").status_code == 404
    MatchModel.objects.create(shape=1, people=3, pairs=0, refusal="too_few_people")
    answer = service.get(f"{PROPOSALS}model/").json()
    assert (answer["refusal"], answer["people"]) == ("too_few_people", 3)
    assert service.post(PROPOSALS).status_code == 202
